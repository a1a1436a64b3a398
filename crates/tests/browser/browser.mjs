// A fresh headless Chromium, and what it asked for: the ground of the scripts in this directory.
//
// PLEX_NODE_PACKAGES is where the packages are, PLEX_CHROMIUM the browser, PLEX_SCREENSHOTS a directory for pictures.

import { createRequire } from 'node:module';
import { join } from 'node:path';

export const require = createRequire(join(process.env.PLEX_NODE_PACKAGES, 'packages.js'));
const { chromium } = require('playwright-core');

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Nothing leaves this machine; what a page asks for elsewhere is seen and fails.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

/** Calls `visit` with a page; ends with what the page asked for, complained of and stored. */
export async function visit(visitor) {
  const browser = await chromium.launch({ executablePath: process.env.PLEX_CHROMIUM, args: QUIET });
  try {
    // The control plane of a test has a CA of its own.
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1200, height: 900 } });
    const page = await context.newPage();
    const seen = { requests: [], complaints: [] };
    page.on('request', (request) => seen.requests.push(request.url()));
    page.on('websocket', (socket) => seen.requests.push(socket.url()));
    page.on('pageerror', (error) => seen.complaints.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
    });
    page.setDefaultTimeout(30_000);
    return { ...seen, ...(await visitor(page, context)) };
  } finally {
    await browser.close();
  }
}

/** Takes a picture of the page as it is now. */
export async function picture(page, name) {
  const directory = process.env.PLEX_SCREENSHOTS;
  if (directory) await page.screenshot({ path: join(directory, `${name}.png`) });
}
