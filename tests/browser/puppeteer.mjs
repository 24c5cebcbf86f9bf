// Connects to the sandbox's Chromium with Puppeteer, opens a page, clicks, photographs; prints what it saw as JSON.
// Usage: node puppeteer.mjs '{"browserWSEndpoint" | "browserURL": ADDRESS}' PAGE
import puppeteer from 'puppeteer-core';

const [, , how, page] = process.argv;
const browser = await puppeteer.connect({ ...JSON.parse(how), defaultViewport: null });
const tab = await browser.newPage();
try {
  await tab.goto(page, { waitUntil: 'load' });
  await tab.click('#button');
  const image = await tab.screenshot();
  const text = await tab.$eval('#button', (button) => button.textContent);
  const signature = Buffer.from(image.subarray(1, 4)).toString();
  console.log(JSON.stringify({ title: await tab.title(), text, signature, agent: await browser.userAgent() }));
} finally {
  await tab.close();
  await browser.disconnect();
}
