// The picture: makes the RFB client for each connection and keeps the user's settings through them.
import RFB from '@novnc/novnc';
import { textSent } from './provided.js';

export class Screen extends EventTarget {
  #host;
  #still;
  #settings;
  #rfb = null;
  #canvas = null;
  #takesFocus = true;

  // settings: what readParameters() returns. still: a canvas that keeps the last picture.
  constructor(host, still, settings) {
    super();
    this.#host = host;
    this.#still = still;
    this.#settings = settings;
  }

  get rfb() {
    return this.#rfb;
  }

  get canvas() {
    return this.#canvas;
  }

  get settings() {
    return this.#settings;
  }

  // For the viewer: an RFB client on this socket. It emits clipboard, bell and clippingviewport here.
  attach(socket, credentials) {
    const { shared, repeaterID, showDot, quality, compression } = this.#settings;
    const rfb = new RFB(this.#host, socket, { shared, repeaterID, ...(credentials && { credentials }) });
    this.#rfb = rfb;
    this.#canvas = this.#host.querySelector(':scope > div canvas');
    rfb.background = 'transparent';
    rfb.focusOnClick = this.#takesFocus;
    rfb.showDotCursor = showDot;
    rfb.qualityLevel = quality;
    rfb.compressionLevel = compression;
    for (const type of ['clipboard', 'bell', 'clippingviewport']) {
      rfb.addEventListener(type, ({ detail }) => {
        if (rfb === this.#rfb) this.dispatchEvent(new CustomEvent(type, { detail }));
      });
    }
    this.#arrange();
    return rfb;
  }

  // Whether a click on the picture brings the keyboard's focus there.
  set takesFocus(on) {
    this.#takesFocus = on;
    if (this.#rfb) this.#rfb.focusOnClick = on;
  }

  set(changes) {
    Object.assign(this.#settings, changes);
    if (!this.#rfb) return;
    this.#rfb.qualityLevel = this.#settings.quality;
    this.#rfb.showDotCursor = this.#settings.showDot;
    this.#arrange();
    this.dispatchEvent(new CustomEvent('settings'));
  }

  // Fingers cannot use scroll bars, so there the picture is clipped and dragged.
  #arrange() {
    const { resize, viewClip, viewOnly } = this.#settings;
    const rfb = this.#rfb;
    rfb.viewOnly = viewOnly;
    rfb.clipViewport = viewClip || (resize === 'off' && matchMedia('(pointer: coarse)').matches);
    rfb.scaleViewport = resize === 'scale';
    rfb.resizeSession = resize === 'remote';
  }

  // Resolves when the server has taken the text over (or never will), so that keys sent afterwards
  // find it there.
  async sendClipboard(text) {
    const rfb = this.#rfb;
    if (!rfb || this.#settings.viewOnly) return;
    const taken = textSent();
    rfb.clipboardPasteFrom(text);
    await taken;
  }

  // Shows the last picture while there is no connection.
  keepStill() {
    const from = this.#canvas;
    if (!from?.width || !from.height) return;
    Object.assign(this.#still, { width: from.width, height: from.height });
    this.#still.getContext('2d').drawImage(from, 0, 0);
    this.#still.hidden = false;
    this.#still.dataset.resize = this.#settings.resize;
  }

  dropStill() {
    this.#still.hidden = true;
    this.#still.width = 0;
  }

  focus() {
    this.#rfb?.focus({ preventScroll: true });
  }

  // A PNG of what is shown.
  photograph() {
    return new Promise((resolve) => { this.#rfb.toBlob(resolve, 'image/png'); });
  }
}
