// Rebuilds everything under deployhub/portal/static/portal from this folder:
// the stylesheet (Tailwind), app.js (esbuild), the icon sprite, the fonts, the vendored libraries and their licences.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "../deployhub/portal/static/portal");
const watch = process.argv.includes("--watch");
for (const folder of ["", "fonts", "vendor"]) mkdirSync(join(out, folder), { recursive: true });

const fonts = [
  ["@fontsource-variable/inter", "inter-latin-wght-normal.woff2"],
  ["@fontsource-variable/inter", "inter-latin-ext-wght-normal.woff2"],
  ["@fontsource-variable/jetbrains-mono", "jetbrains-mono-latin-wght-normal.woff2"],
];
for (const [name, file] of fonts) copyFileSync(join(modules, name, "files", file), join(out, "fonts", file));

const vendored = [
  ["htmx.org", "dist/htmx.min.js", "htmx.min.js"],
  ["idiomorph", "dist/idiomorph-ext.min.js", "idiomorph-ext.min.js"],
  ["uplot", "dist/uPlot.iife.min.js", "uplot.iife.min.js"],
  ["tus-js-client", "dist/tus.min.js", "tus.min.js"],
];
// A source map comment would send browsers to a file that isn't here (and break hashed static files).
for (const [name, from, to] of vendored) {
  const text = readFileSync(join(modules, name, from), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  writeFileSync(join(out, "vendor", to), text);
}

const licences = ["# Licences of vendored files", "", "Copied by `frontend/build.mjs`; each text is the library's own."];
for (const name of [...new Set([...vendored, ...fonts].map(([name]) => name)), "lucide-static", "tailwindcss"]) {
  const about = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
  const file = readdirSync(join(modules, name)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(modules, name, file), "utf8") : `Licence: ${about.license}`;
  licences.push("", `## ${name} ${about.version} (${about.license})`, "", "```text", text.trim(), "```");
}
writeFileSync(join(out, "vendor/LICENSES.md"), licences.join("\n") + "\n");

const icons = readFileSync(join(here, "icons.txt"), "utf8").split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
const symbols = icons.map((name) => {
  const file = join(modules, "lucide-static/icons", `${name}.svg`);
  if (!existsSync(file)) throw new Error(`icons.txt names "${name}", which Lucide doesn't have`);
  const inner = readFileSync(file, "utf8").replace(/^[\s\S]*?<svg[\s\S]*?>\s*/, "").replace(/\s*<\/svg>\s*$/, "").replace(/\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
});
writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg"><!-- Lucide, ISC licence -->\n${symbols.join("\n")}\n</svg>\n`);

const bundle = { entryPoints: [join(here, "js/app.js")], outfile: join(out, "app.js"), bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none", logLevel: "info" };
const css = ["-i", join(here, "css/app.css"), "-o", join(out, "app.css"), "--minify"];
const tailwind = join(modules, ".bin/tailwindcss");
if (watch) {
  await (await esbuild.context(bundle)).watch();
  spawn(tailwind, [...css, "--watch=always"], { stdio: "inherit", cwd: here });
} else {
  await esbuild.build(bundle);
  execFileSync(tailwind, css, { stdio: "inherit", cwd: here });
}
