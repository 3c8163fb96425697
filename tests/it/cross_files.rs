//! What files say of the addresses of services: programs' imports, variables of the service itself, and of tasks.

use serde_json::{Value, json};

use crate::cross::{plan, plans, texts, workspace};
use crate::support::Sandbox;

#[test]
fn what_a_task_runner_does_first_writes_lines_alone_and_is_told_of_no_address() {
    let mut sandbox = workspace(&[("web", "next dev")]);
    let root = json!({ "name": "root", "workspaces": ["apps/*"], "scripts": { "dev": "turbo run dev" } });
    sandbox
        .file("package.json", &root.to_string())
        .file("turbo.json", r#"{ "tasks": { "dev": { "dependsOn": ["codegen"] }, "codegen": {} } }"#);
    let web = json!({ "name": "web", "scripts": { "dev": "next dev", "codegen": "true" } });
    sandbox.file("apps/web/package.json", &web.to_string()).file(".env", "AUTH_URL=http://localhost:3000\n");
    let plans = plans(&sandbox, &[]);
    let task = plan(&plans, "turbo codegen");
    assert_eq!(texts(&task["warnings"]), Vec::<String>::new());
    for name in ["TURBO_UI", "NX_TUI", "NX_TASKS_RUNNER_DYNAMIC_OUTPUT"] {
        assert_eq!(task["env"][name], "false", "{task:#}");
        assert_eq!(plan(&plans, "web")["env"][name], Value::Null);
    }
}

#[test]
fn the_usual_port_may_stand_in_what_the_program_imports() {
    let mut sandbox =
        workspace(&[("web", "API=http://localhost:4100 node web.js"), ("api", "tsx src/main.ts")]);
    sandbox
        .file("apps/api/src/main.ts", "import { start } from './server.js'\nstart()\n")
        .file("apps/api/src/server.ts", "export const start = () => app.listen(process.env.PORT || 4100)\n");
    let plans = plans(&sandbox, &[]);
    let api = plan(&plans, "api")["port"].to_string();
    assert_eq!(plan(&plans, "web")["command"], json!(format!("API=http://localhost:{api} node web.js")));
}

#[test]
fn a_service_whose_own_variables_name_its_usual_port_is_told_to_set_them() {
    let mut sandbox = workspace(&[("web", "next dev"), ("docs", "astro dev")]);
    sandbox
        .file("apps/web/.env.local", "AUTH_URL=http://localhost:3000\nCALLBACK=http://localhost:3000/in\n");
    let warned = |sandbox: &Sandbox| texts(&plan(&plans(sandbox, &[]), "web")["warnings"]);
    let warnings = warned(&sandbox);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let line = r#"set `[project.web] env = { AUTH_URL = "{{web.url}}", CALLBACK = "{{web.url}}/in" }` in bowline.toml"#;
    assert!(
        warnings[0].starts_with("`.env.local` names port 3000 for `web`, which is on port "),
        "{warnings:#?}"
    );
    assert!(warnings[0].ends_with(line), "{warnings:#?}");
    sandbox.file(
        "bowline.toml",
        "[project.web]\nenv = { AUTH_URL = \"{{web.url}}\", CALLBACK = \"{{web.url}}/in\" }\n",
    );
    assert_eq!(warned(&sandbox), Vec::<String>::new());
}
