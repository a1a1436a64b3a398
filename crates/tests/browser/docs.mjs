// Opens the documentation page and prints, as JSON, what it showed and what it asked for. Argument: the server's URL.

import { picture, visit } from './browser.mjs';

const [server] = process.argv.slice(2);
const result = await visit(async (page) => {
  await page.goto(`${server}/v1/docs`);
  await page.getByRole('heading', { name: 'Plexsphere (v1)' }).waitFor();
  // Walking through the menu loads nothing either.
  await page.getByRole('menuitem', { name: 'executions' }).first().click();
  await page.getByText('Dispatch an action').first().click();
  await page.waitForLoadState('networkidle');
  await picture(page, 'docs');
  return { text: await page.innerText('body'), title: await page.title() };
});
console.log(JSON.stringify(result));
