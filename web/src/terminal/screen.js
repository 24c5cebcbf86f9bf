// The terminal emulator and everything that belongs to its looks and size.
import { FitAddon } from '@xterm/addon-fit';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { lastingStore } from '../shared/store.js';
import { FONT, currentTheme, onThemeChange } from './theme.js';

const SMALLEST = 8;
const LARGEST = 32;
const FIT_AFTER = 60; // a window being dragged resizes many times

function openLink(_event, address) {
  window.open(address, '_blank', 'noopener,noreferrer');
}

// Links a program wrote with OSC 8 can show one thing and lead to another: show where they lead.
function linkHandler(host) {
  return {
    activate: openLink,
    hover: (_event, address) => { host.title = address; },
    leave: () => { host.title = ''; },
  };
}

function savedFontSize() {
  const saved = Number(lastingStore.get('sandgate:font-size'));
  if (saved >= SMALLEST && saved <= LARGEST) return saved;
  return matchMedia('(pointer: coarse)').matches ? 12 : 14;
}

export class Screen {
  #host;
  #fit = new FitAddon();
  #timer = null;

  constructor(host) {
    this.#host = host;
    this.term = new Terminal({
      allowProposedApi: true, // for the Unicode width tables
      cursorBlink: true,
      fontFamily: FONT,
      fontSize: savedFontSize(),
      lineHeight: 1.1, // at 1.0 some fonts lose their underscores
      linkHandler: linkHandler(host),
      macOptionClickForcesSelection: true,
      minimumContrastRatio: 4.5,
      rightClickSelectsWord: false,
      scrollback: 10000,
      theme: currentTheme(),
    });
    this.term.loadAddon(this.#fit);
    this.term.loadAddon(new WebLinksAddon(openLink));
    // The C library in the sandbox counts emoji as two cells, like these tables do.
    this.term.loadAddon(new Unicode11Addon());
    this.term.unicode.activeVersion = '11';
    this.term.open(host);
    this.#followTheme();
    this.#followSize();
  }

  get size() {
    return { cols: this.term.cols, rows: this.term.rows };
  }

  changeFontSize(step) {
    const size = Math.min(LARGEST, Math.max(SMALLEST, this.term.options.fontSize + step));
    this.term.options.fontSize = size;
    lastingStore.set('sandgate:font-size', String(size));
    this.#fit.fit();
  }

  setScreenReader(on) {
    this.term.options.screenReaderMode = on;
    lastingStore.set('sandgate:screen-reader', on ? '1' : '');
  }

  get wantsScreenReader() {
    return lastingStore.get('sandgate:screen-reader') === '1';
  }

  #followTheme() {
    const paint = (theme) => {
      this.term.options.theme = theme;
      this.#host.style.setProperty('--terminal-back', theme.background);
    };
    paint(currentTheme());
    onThemeChange(paint);
  }

  #followSize() {
    this.#fit.fit();
    new ResizeObserver(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#fit.fit(), FIT_AFTER);
    }).observe(this.#host);
  }
}
