// Knows when an offered clipboard text has left for the server. With the extended clipboard the
// client only announces a text and sends it when asked, so keys typed right after the announcement
// could overtake it. noVNC has no event for that, but builds its messages in one public table.
import RFB from '@novnc/novnc';

const PATIENCE = 500; // a server that does not fetch the text must not hold up the keys

const waiting = new Set();

function settle() {
  for (const done of waiting) done();
  waiting.clear();
}

function tellAfter(name, when) {
  const original = RFB.messages[name];
  RFB.messages[name] = (...args) => {
    original(...args);
    if (when(...args)) settle();
  };
}

tellAfter('extendedClipboardProvide', () => true);
// The plain message is the text itself; the extended ones pass here too, marked by their last argument.
tellAfter('clientCutText', (_sock, _data, extended = false) => !extended);

// Resolves when the next text has been sent, or is not fetched in time.
export function textSent() {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE);
    waiting.add(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
