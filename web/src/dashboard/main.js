// The dashboard: tabs, each loaded when it is first opened, and what stands around them.
import { byId, copyText } from '../shared/dom.js';
import { Gateway } from '../shared/gateway.js';
import { Client } from './client.js';
import { watchConnection } from './connection.js';
import { showHome } from './home.js';
import { wireMenu } from './mainmenu.js';
import { notice } from './notice.js';
import { Strip } from './strip.js';
import { Tabs } from './tabs.js';
import { wireShortcuts } from './shortcuts.js';

const gateway = new Gateway('.');
gateway.adoptCredentials();
const client = new Client(gateway);

const frames = {
  code: { title: 'VS Code', service: 'code', address: 'code-server/' },
  browser: {
    title: 'The browser', service: 'browser', also: ['desktop'],
    address: 'vnc/index.html?autoconnect=true&reconnect=true&resize=scale',
  },
  jupyter: { title: 'JupyterLab', service: 'jupyter', address: 'jupyter/lab' },
};

const frame = (name) => async (section, context) => new (await import('./frame.js')).FramePane(section, context, frames[name]);

// Each makes the pane of a tab: { show(rest), hide(), leave() }, see tabs.js.
const makers = {
  code: frame('code'),
  browser: frame('browser'),
  terminal: async (...given) => new (await import('./terminals.js')).Terminals(...given),
  jupyter: frame('jupyter'),
  files: async (...given) => new (await import('./files/pane.js')).FilesPane(...given),
  services: async (...given) => new (await import('./services.js')).ServicesPane(...given),
};

const context = { gateway, client, notice };
const tabs = new Tabs(makers, context, (name) => { if (name === 'home') showHome(client); });
context.tabs = tabs;

watchConnection(client);
wireMenu(context);
wireShortcuts(context);
byId('address').textContent = gateway.root.href;
byId('copy-address').onclick = async () => notice((await copyText(gateway.root.href)) ? 'Copied' : 'This browser does not let pages copy');
byId('skip').onclick = (event) => {
  event.preventDefault();
  byId('panes').focus();
};
tabs.start();
new Strip(client).start();
