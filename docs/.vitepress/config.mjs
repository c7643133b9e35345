import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitepress';

// GitHub's workflows set GITHUB_REPOSITORY, and DOCS_BASE is the path of the site on its host.
const repository = `https://github.com/${process.env.GITHUB_REPOSITORY ?? 'OWNER/otpportal'}`;
const folder = path.join(import.meta.dirname, '..');

const heading = file => /^# (.*)$/m.exec(readFileSync(path.join(folder, file), 'utf8'))[1];
const page = (file, text = heading(file)) => ({ text, link: `/${file.replace(/\.md$/, '')}` });
const decisions = readdirSync(path.join(folder, 'decisions')).filter(file => file.endsWith('.md')).sort();

// A link to a file outside docs, such as an example, leads to the repository. DocumentLinkTests checks that the file exists.
const repositoryLinks = markdown => {
  markdown.core.ruler.push('repository-links', state => {
    for (const token of state.tokens.flatMap(token => token.children ?? [])) {
      const target = token.type === 'link_open' ? token.attrGet('href') : null;
      if (target === null || /^(?:[a-z]+:|#|\/)/.test(target)) continue;
      const file = path.relative(path.join(folder, '..'), path.resolve(folder, path.dirname(state.env.relativePath), target));
      if (file.startsWith('docs/') && /\.md(?:#|$)/.test(file)) continue;
      token.attrSet('href', `${repository}/tree/main/${file}`);
    }
  });
};

// Vue would evaluate {{ }}, which is Handlebars in these pages.
const plainBraces = markdown => {
  for (const rule of ['text', 'code_inline']) {
    const render = markdown.renderer.rules[rule];
    markdown.renderer.rules[rule] = (...args) => render(...args).replaceAll('{{', '&#123;&#123;');
  }
};

const diagrams = markdown => {
  const fence = markdown.renderer.rules.fence;
  markdown.renderer.rules.fence = (tokens, index, ...rest) => tokens[index].info.trim() === 'mermaid'
    ? `<Diagram source="${encodeURIComponent(tokens[index].content)}" />`
    : fence(tokens, index, ...rest);
};

export default defineConfig({
  title: 'OtpPortal',
  description: 'Self-hosted login portal with one-time passcodes',
  lang: 'en',
  base: process.env.DOCS_BASE ?? '/',
  cleanUrls: true,
  ignoreDeadLinks: 'localhostLinks',
  srcExclude: ['node_modules/**'],
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${process.env.DOCS_BASE ?? '/'}favicon.svg` }]],
  markdown: {
    languageAlias: { caddy: 'nginx' },
    config: markdown => {
      markdown.use(repositoryLinks);
      markdown.use(plainBraces);
      markdown.use(diagrams);
    },
  },
  themeConfig: {
    logo: '/favicon.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: { pattern: `${repository}/edit/main/docs/:path` },
    nav: [
      page('getting-started.md'),
      page('configuration.md'),
      page('api.md'),
      { text: 'Changelog', link: `${repository}/blob/main/CHANGELOG.md` },
    ],
    sidebar: [
      { text: 'Start', items: [page('getting-started.md'), page('comparison.md'), page('migrating.md')] },
      { text: 'Protect apps', items: [page('deployment.md', 'Forward auth')].map(item => ({ ...item, link: `${item.link}#forward-auth` }))
        .concat(page('client.md')) },
      { text: 'Configuration', items: [page('configuration.md', 'Settings'), page('providers.md'), page('design.md')] },
      { text: 'Administration', items: [page('administration.md')] },
      { text: 'APIs', items: [page('api.md', 'Sign-in and sessions'), page('gateway.md'), page('magic-links.md', 'Service accounts'),
        page('jotp.md')] },
      { text: 'Operations', items: [page('deployment.md'), page('operations.md'), page('security.md'), page('reliability.md')] },
      { text: 'Internals', items: [page('architecture.md'),
        { text: 'Decisions', collapsed: true, items: decisions.map(file => page(`decisions/${file}`)) }] },
    ],
  },
});
