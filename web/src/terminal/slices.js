const LARGEST_INPUT = 8 * 1024; // characters in one input message; a long paste becomes several

// Splits text for sending, never between the two halves of a character.
export function* slices(text, size = LARGEST_INPUT) {
  for (let start = 0; start < text.length;) {
    let end = Math.min(text.length, start + size);
    const code = text.charCodeAt(end - 1);
    if (end < text.length && code >= 0xd800 && code < 0xdc00) end -= 1;
    yield text.slice(start, end);
    start = end;
  }
}
