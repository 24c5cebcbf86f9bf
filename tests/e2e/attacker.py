"""A web site that means ill: its page tries all that a browser lets a page do to another origin."""

from __future__ import annotations

import http.server
import threading

PAGE = """<!doctype html><meta charset="utf-8"><title>A harmless page</title><body><script>
const wait = ms => new Promise(done => setTimeout(done, ms));
const settled = (promise, ms = 4000) => Promise.race([promise.then(r => r, e => "error"), wait(ms).then(() => "late")]);

function element(tag, set) {
  return new Promise(done => {
    const made = document.createElement(tag);
    made.onload = () => done("loaded");
    made.onerror = () => done("error");
    Object.assign(made, set);
    document.body.append(made);
  });
}

function form(action, enctype, fields) {
  const made = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "frame" + Math.random();
  Object.assign(made, {action, enctype, method: "post", target: frame.name});
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    Object.assign(input, {type: "hidden", name, value});
    made.append(input);
  }
  const loaded = new Promise(done => { frame.onload = () => done("loaded"); });
  document.body.append(frame, made);
  made.submit();
  return loaded;
}

function socket(url, protocols) {
  return new Promise(done => {
    const made = new WebSocket(url, protocols);
    made.onopen = () => done("open");
    made.onerror = () => done("error");
  });
}

function events(url) {
  return new Promise(done => {
    const made = new EventSource(url, {withCredentials: true});
    made.onopen = () => { made.close(); done("open"); };
    made.onerror = () => { made.close(); done("error"); };
  });
}

const told = response => response.type == "opaque" ? "opaque" : "read " + response.status;
const ask = (url, options) => fetch(url, {credentials: "include", ...options}).then(told);

// `base` is the gateway, `preview` the same by the name of a preview, `app` the app's port there.
window.attack = async function ({base, preview, app, mark}) {
  const ws = base.replace("http", "ws"), wsPreview = preview.replace("http", "ws");
  const run = JSON.stringify({command: "touch " + mark, padding: ""});
  const write = JSON.stringify({file: mark, content: "x"});
  const json = {"Content-Type": "application/json"}, text = {"Content-Type": "text/plain"};
  const upload = new FormData();
  upload.append("path", mark);
  upload.append("file", new Blob(["x"]), "x");
  const tried = {};
  const tries = {
    "fetch": () => ask(base + "/v1/sandbox"),
    "fetch of a page": () => ask(base + "/"),
    "blind fetch": () => ask(base + "/v1/shell/sessions", {mode: "no-cors"}),
    "command as JSON": () => ask(base + "/v1/bash/exec", {method: "POST", headers: json, body: run}),
    "command as text": () => ask(base + "/v1/bash/exec", {method: "POST", headers: text, body: run}),
    "blind command": () => ask(base + "/v1/bash/exec", {method: "POST", mode: "no-cors", body: run}),
    "blind session": () => ask(base + "/v1/shell/sessions", {method: "POST", mode: "no-cors"}),
    "blind file": () => ask(base + "/v1/file/write", {method: "POST", mode: "no-cors", body: write}),
    "blind upload": () => ask(base + "/v1/file/upload", {method: "POST", mode: "no-cors", body: upload}),
    "blind start": () => ask(base + "/v1/services/code/start", {method: "POST", mode: "no-cors"}),
    "ticket": () => ask(base + "/tickets", {method: "POST", mode: "no-cors"}),
    "deletion": () => ask(base + "/v1/shell/sessions", {method: "DELETE"}),
    "app": () => ask(base + `/proxy/${app}/x`, {method: "POST", mode: "no-cors", body: "x"}),
    "app by header": () => ask(base + "/x", {headers: {"X-AIO-Proxy-Port": String(app)}}),
    "app by host": () => ask(preview + "/x", {method: "POST", mode: "no-cors", body: "x"}),
    "beacon": async () => navigator.sendBeacon(base + "/v1/bash/exec", run) && "sent",
    "form of text": () => form(base + "/v1/bash/exec", "text/plain", {['{"command": "touch ' + mark + '", "x": "']: '"}'}),
    "form with a file": () => form(base + "/v1/file/upload", "multipart/form-data", {path: mark, file: "x"}),
    "form to an app": () => form(base + `/proxy/${app}/form`, "application/x-www-form-urlencoded", {a: "b"}),
    "terminal": () => socket(ws + "/v1/shell/ws"),
    "devtools": () => socket(ws + "/devtools/browser/1"),
    "debugger": () => socket(ws + "/cdp/devtools/page/1"),
    "desktop": () => socket(ws + "/websockify", ["binary"]),
    "editor's socket": () => socket(ws + "/code-server/?type=Management"),
    "kernel's socket": () => socket(ws + "/jupyter/api/kernels/x/channels"),
    "app's socket": () => socket(ws + `/proxy/${app}/ws`),
    "app's socket by host": () => socket(wsPreview + "/ws"),
    "events": () => events(base + "/v1/bash/exec?command=" + encodeURIComponent("touch " + mark)),
    "app's events": () => events(base + `/proxy/${app}/events`),
    "image": () => element("img", {src: base + "/v1/browser/screenshot"}),
    "image of an app": () => element("img", {src: base + `/absproxy/${app}/image`}),
    "image by host": () => element("img", {src: preview + "/image"}),
    "script": () => element("script", {src: base + "/static/no-such.js"}),
    "script of targets": () => element("script", {src: base + "/json/list"}),
    "frame of the editor": () => element("iframe", {src: base + "/code-server/"}),
    "frame of the desktop": () => element("iframe", {src: base + "/vnc/index.html?autoconnect=true"}),
    "frame of the dashboard": () => element("iframe", {src: base + "/"}),
    "object": () => element("object", {data: base + "/jupyter/lab", type: "text/html"}),
    "style": () => element("link", {rel: "stylesheet", href: base + "/v1/sandbox"}),
    "worker": () => new Promise(done => {
      try { new Worker(base + "/static/x.js").onerror = () => done("error"); } catch (e) { done("error"); }
    }),
  };
  for (const [name, go] of Object.entries(tries)) tried[name] = await settled(go());
  return tried;
};
</script>"""


class Attacker:
    """`with Attacker() as site:`; the page is at any path of site.port, under any name that leads there."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = PAGE.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> "Attacker":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
