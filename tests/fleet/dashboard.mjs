// Checks a dashboard against the types that Grafana has for one, its panels against those of their kind:
//
//   node dashboard.mjs FILE MODULES    MODULES: folder in which @grafana/schema and typescript are
//
// Each error is a line; there is none if the exit status is 0. What is in "targets" and in the options of transformations
// has no type there.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";

const [file, modules] = process.argv.slice(2);
const ts = createRequire(`${modules}/`)("typescript");
const raw = `${modules}/@grafana/schema/dist/types/raw`;
const { panels, ...dashboard } = JSON.parse(readFileSync(file, "utf8"));

// The kinds of panels, and what each has in "custom".
const kinds = { stat: "Record<string, never>", table: "table.FieldConfig", timeseries: "timeseries.FieldConfig" };

// The names of what is checked, and its source: a constant a line.
const names = [];
const source = [
    `import type { Dashboard, FieldConfig, Panel, VariableModel } from "${raw}/dashboard/x/types.gen";`,
    `import type { QueryVariableSpec } from "${modules}/@grafana/schema/dist/types/schema/dashboard/v2/types.spec.gen";`,
    ...Object.keys(kinds).map(kind => `import type * as ${kind} from "${raw}/composable/${kind}/panelcfg/x/types.gen";`),
    // What JSON has of an enumeration is its value.
    "type Json<T> = T extends string ? `${T}` : T extends number ? (number extends T ? T : `${T}` extends `${infer N extends number}` ? N : T)",
    "    : T extends (infer U)[] ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;",
    // Grafana adds what is missing in the options of a panel.
    "type Some<T> = T extends (infer U)[] ? Some<U>[] : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;",
    // The one type lacks what is the other's name for the text that the editor shows.
    "type Variable = VariableModel & Pick<QueryVariableSpec, \"definition\">;",
];
const check = (name, type, value) => {
    names[source.length] = name;
    source.push(`export const v${source.length}: ${type} = ${JSON.stringify(value)};`);
};

const { list: variables, ...templating } = dashboard.templating;

check("the dashboard", "Json<Omit<Dashboard, \"panels\">>", { ...dashboard, templating });
for (const variable of variables)
    check(`variable ${variable.name}`, "Json<Variable>", variable);
for (const panel of panels) {
    const { options, ...others } = panel;
    const { custom, ...defaults } = panel.fieldConfig.defaults;
    const name = `panel "${panel.title}"`;
    const type = kinds[panel.type] || "never";

    check(name, "Json<Panel>", { ...others, fieldConfig: { ...panel.fieldConfig, defaults } });
    check(`${name}, options`, `Some<Json<${type === "never" ? type : `${panel.type}.Options`}>>`, options);
    check(`${name}, custom`, `Some<Json<${type}>>`, custom || {});
    for (const { id, value } of panel.fieldConfig.overrides.flatMap(override => override.properties)) {
        const [, own, key] = id.match(/^(custom\.)?(.*)$/);

        check(`${name}, override ${id}`, `Some<Json<${own ? type : "FieldConfig"}>>`, { [key]: value });
    }
}

// The compiler gets the source as a file that nobody has written.
const path = `${dirname(modules)}/dashboard.ts`;
const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler };
const host = ts.createCompilerHost(options);
const read = host.getSourceFile;

host.getSourceFile = (name, ...more) => name === path ? ts.createSourceFile(name, source.join("\n"), ...more) : read(name, ...more);
const program = ts.createProgram([path], options, host);
const errors = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...program.getSyntacticDiagnostics(),
    ...program.getSemanticDiagnostics()];

for (const error of errors) {
    const line = error.file && error.file.fileName === path ? error.file.getLineAndCharacterOfPosition(error.start).line : null;

    console.log(`${names[line] || error.file && error.file.fileName || "compiler"}: ${ts.flattenDiagnosticMessageText(error.messageText, "; ")}`);
}
process.exit(errors.length > 0 ? 1 : 0);
