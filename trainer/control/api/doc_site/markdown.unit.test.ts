import { describe, expect, it } from 'vitest';
import { renderMarkdown, titleOf } from './markdown.ts';

const render = (...lines: string[]): string =>
  renderMarkdown(lines.join('\n'), (target) => (target.startsWith('gone') ? null : `/docs/${target}`));

describe('Markdown of the documentation', () => {
  it('has headings with the anchors of GitHub, also of repeated titles', () => {
    expect(render('# A `b_c` (d)', '', '## Same', '## Same')).toBe(
      '<h1 id="a-b_c-d">A <code>b_c</code> (d)</h1>\n<h2 id="same">Same</h2>\n<h2 id="same-1">Same</h2>',
    );
    expect(titleOf('<!-- x -->\n\n# The title\n')).toBe('The title');
  });

  it('has paragraphs with code, links, pictures and emphasis', () => {
    expect(render('a **b** _c_ *d* `e*_[x](y)_` [f `g`](h.md#i)', 'x_y_z 2 * 3 * 4')).toBe(
      '<p>a <strong>b</strong> <em>c</em> <em>d</em> <code>e*_[x](y)_</code> <a href="/docs/h.md#i">f <code>g</code></a>\nx_y_z 2 * 3 * 4</p>',
    );
    expect(render('![p](q.png) https://a.example/b. [r](gone.md)')).toBe(
      '<p><img src="/docs/q.png" alt="p"> <a href="https://a.example/b">https://a.example/b</a>. r</p>',
    );
  });

  it('has tables whose cells may contain an escaped bar', () => {
    expect(render('|a|b|', '|---|---|', '|`x\\|y`||')).toContain('<tr><td><code>x|y</code></td><td></td></tr>');
  });

  it('has lists, nested ones, with paragraphs and code in their items', () => {
    expect(render('- a', '  b', '- c', '  1. d', '', 'after')).toBe(
      '<ul>\n<li>a\nb</li>\n<li>c\n<ol>\n<li>d</li>\n</ol></li>\n</ul>\n<p>after</p>',
    );
    expect(render('3. a', '', '   ```bash', '   x  y', '   ```', '4. b')).toBe(
      '<ol start="3">\n<li>a\n<pre><code>x  y</code></pre></li>\n<li>b</li>\n</ol>',
    );
  });

  it('has code as it is, quotations, and no comments', () => {
    expect(render('```ts', 'a < b # no heading', '', '|c|', '```')).toBe(
      '<pre><code>a &#60; b # no heading\n\n|c|</code></pre>',
    );
    expect(render('> a', '> - b', '<!-- hidden -->', 'c')).toBe(
      '<blockquote><p>a</p>\n<ul>\n<li>b</li>\n</ul></blockquote>\n<p>c</p>',
    );
  });

  it('shows HTML as text, and no link leaves its attribute', () => {
    const html = render('<script>alert(1)</script> [a"><b](x"onclick=1) `<i>`');
    expect(html).not.toMatch(/<script|<b\]|<i>|"onclick/);
    expect(html).toContain('&#60;script&#62;');
  });
});
