// npm run images: takes the pictures of README.md and of these pages from the real program, in light and dark.
// Needs the .NET SDK and Chromium (CHROMIUM_PATH).
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import gifenc from 'gifenc';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';

const port = process.env.PORT ?? '3199';
const portal = `http://localhost:${port}`;
const address = 'ann@example.com';
const folder = import.meta.dirname;
const root = path.join(folder, '..', '..');
const temporary = mkdtempSync(path.join(tmpdir(), 'otpportal-images-'));

if (!process.argv.includes('--no-build')) execFileSync('dotnet', ['build', 'OtpPortal', '--nologo', '-v', 'quiet'], { cwd: root, stdio: 'inherit' });
const program = spawn('dotnet', [path.join(root, 'OtpPortal', 'bin', 'Debug', 'net10.0', 'OtpPortal.dll')], {
  env: {
    ...process.env, ASPNETCORE_ENVIRONMENT: 'Development', PORT: port, DATA_DIR: temporary, APP_NAME: 'Example', ADMIN_EMAILS: address,
    OTP_RESEND_COOLDOWN: '0', LIMIT_SENDS_PER_ADDRESS: '100/900',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
});

const until = async (what, condition) => {
  const end = Date.now() + 60_000;
  while (!await condition().catch(() => false)) {
    if (Date.now() > end) throw new Error(`${what}: no result within 60 seconds`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
};
const messages = async () => (await fetch(`${portal}/dev/mailbox.json`)).json();
const codeOf = async () => {
  let code;
  await until('the email', async () => (code = /\b\d{6}\b/.exec((await messages())[0].subject)?.[0]) !== undefined);
  return code;
};

// Without the languages at the foot of the page: not every machine has a Chinese font.
const clip = { x: 0, y: 0, width: 720, height: 760 };

// The frames of the animation, and the milliseconds for which each is shown.
const frames = [];
const frame = async (page, delay) => frames.push({ ...PNG.sync.read(await page.screenshot({ clip, caret: 'initial' })), delay });

// Pixels that are the same as in the frame before are transparent, which makes the file small.
const animation = () => {
  const { width, height } = frames[0];
  const palette = gifenc.quantize(Buffer.concat(frames.filter((_, i) => i % 8 === 0 || i === frames.length - 1).map(frame => frame.data)), 127);
  const transparent = palette.push([0, 0, 0]) - 1;
  const gif = gifenc.GIFEncoder();
  let last;
  for (const { data, delay } of frames) {
    const indexes = gifenc.applyPalette(data, palette.slice(0, transparent));
    const changed = last ? indexes.map((index, i) => index === last[i] ? transparent : index) : indexes;
    gif.writeFrame(changed, width, height, { palette: last ? undefined : palette, delay, transparent: last !== undefined,
      transparentIndex: transparent, dispose: 1 });
    last = indexes;
  }
  gif.finish();
  return gif.bytes();
};
const picture = async (page, name, options) => {
  await page.mouse.move(0, 0);
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled', ...options });
};

let browser;
try {
  await until('the portal', async () => (await fetch(`${portal}/readyz`)).ok);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ colorScheme, viewport: { width: 720, height: 900 }, locale: 'en' });
    const page = await context.newPage();
    const animated = colorScheme === 'light';

    await page.goto(portal);
    await page.waitForLoadState('networkidle');
    await picture(page, `sign-in-${colorScheme}`, { clip });
    if (animated) await frame(page, 1200);
    const email = page.locator('input[name=email]');
    for (let length = 1; length <= address.length; length++) {
      await email.fill(address.slice(0, length));
      if (animated && (length % 3 === 0 || length === address.length)) await frame(page, length === address.length ? 800 : 140);
    }
    const before = (await messages()).length;
    await page.locator('button[type=submit]').first().click();
    await page.waitForURL('**/login/code');
    await page.waitForLoadState('networkidle');
    await until('the message', async () => (await messages()).length > before);
    const code = await codeOf();
    // The status on the page changes from "Sending" to "Sent" after two seconds.
    await page.getByText("Sent. If it doesn't arrive").waitFor();
    await picture(page, `code-${colorScheme}`, { clip });
    if (animated) await frame(page, 1500);
    const field = page.locator('input[name=code]');
    for (let length = 1; length < code.length; length++) {
      await field.fill(code.slice(0, length));
      if (animated) await frame(page, 220);
    }
    await field.fill(code);
    if (animated) await frame(page, 300);
    await page.getByText('Signed in', { exact: true }).first().waitFor();
    await page.waitForURL(url => url.pathname === '/');
    await page.waitForLoadState('networkidle');
    await picture(page, `signed-in-${colorScheme}`, { clip });
    if (animated) await frame(page, 3000);

    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(`${portal}/admin`);
    await page.waitForLoadState('networkidle');
    await picture(page, `admin-${colorScheme}`, { clip: { x: 0, y: 0, width: 1280, height: 762 } });
    await context.close();
  }

  writeFileSync(path.join(folder, 'sign-in.gif'), animation());
} finally {
  await browser?.close();
  program.kill();
  await new Promise(resolve => (program.exitCode === null ? program.once('exit', resolve) : resolve()));
  rmSync(temporary, { recursive: true, force: true });
}
