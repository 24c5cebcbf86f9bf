// The files a call brings along, below the current directory. The gateway checked the names: relative, without "..".
'use strict';

const fs = require('node:fs');
const path = require('node:path');

function writeFiles(files) {
  const root = fs.realpathSync(process.cwd());
  for (const [name, content] of Object.entries(files)) {
    const folder = path.join(root, path.dirname(name));
    fs.mkdirSync(folder, { recursive: true });
    const real = fs.realpathSync(folder);
    if (real !== root && !real.startsWith(root === '/' ? root : `${root}/`))
      throw new Error(`files: '${name}' leads out of ${root} by a symbolic link`);
    const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_TRUNC | fs.constants.O_NOFOLLOW;
    fs.writeFileSync(path.join(real, path.basename(name)), content, { flag: flags });
  }
}

module.exports = { writeFiles };
