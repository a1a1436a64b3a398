// Decides about a device, as a person would. Arguments: the page's URL, a scenario as JSON, and a name for pictures.
//
//   code      typed in place of what the page has filled in
//   person    signs in at the provider under this name
//   token     typed in, when there is no person
//   decision  `approve` or `deny`; none stops before it
//   sign_out  signs out at the end
//
// Prints what the page said at each step.

import { picture, visit } from './browser.mjs';

const [url, scenario, name] = process.argv.slice(2);
const { code, person, token, decision, sign_out: signOut } = JSON.parse(scenario);

async function signIn(page) {
  await page.locator('#sign-in').click();
  await page.locator('input[name=login]').fill(person);
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  // The provider asks whether this client may know who it is.
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL((now) => now.pathname === '/v1/auth/device');
  await page.locator('#decide, #signed-in, #message').and(page.locator(':visible')).first().waitFor();
  await settled(page);
}

// The page runs one step at a time, and while it does, no button can be pressed.
async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('button:disabled'));
}

async function told(page) {
  const visible = async (selector) => {
    const element = page.locator(selector);
    return (await element.isVisible()) ? (await element.innerText()).trim() : null;
  };
  return {
    title: await visible('#title'),
    message: await visible('#message'),
    code: await visible('#shown-code'),
    as: await visible('#as'),
    from: await visible('#from'),
    program: await visible('#program'),
    outcome: await visible('#outcome'),
    who: await visible('#who'),
  };
}

const result = await visit(async (page, context) => {
  const steps = [];
  const look = async (step) => {
    steps.push({ step, ...(await told(page)) });
    await picture(page, `${name}-${steps.length}-${step}`);
  };
  await page.goto(url);
  await page.locator('#find, #decide').and(page.locator(':visible')).waitFor();
  await settled(page);
  await look('opened');
  if (code) await page.locator('#code').fill(code);
  if (person) {
    await signIn(page);
    await look('signed-in');
  }
  if (await page.locator('#find').isVisible()) {
    if (token) {
      if (!(await page.locator('#token').isVisible())) await page.locator('#token-area summary').click();
      await page.locator('#token').fill(token);
    }
    await page.locator('#continue').click();
    await page.locator('#decide, #message').and(page.locator(':visible')).first().waitFor();
    await look('found');
  }
  if (decision) {
    await page.locator(`#${decision}`).click();
    await page.locator('#done, #message').and(page.locator(':visible')).first().waitFor();
    await look('decided');
  }
  if (signOut) {
    await page.goto(url);
    await page.locator('#signed-in').or(page.locator('#message')).and(page.locator(':visible')).first().waitFor();
    if (await page.locator('#back').isVisible()) await page.locator('#back').click();
    await page.locator('#sign-out').click();
    await page.locator('#sign-in-area').waitFor();
    await look('signed-out');
  }
  const cookies = await context.cookies();
  return {
    steps,
    cookies: cookies.map(({ name: cookie, httpOnly, secure, sameSite, path }) => ({ name: cookie, httpOnly, secure, sameSite, path })),
    stored: await page.evaluate(() => ({ ...localStorage, ...sessionStorage })),
  };
});
console.log(JSON.stringify(result));
