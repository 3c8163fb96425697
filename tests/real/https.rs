//! Real servers that speak TLS: their URL says so, before they listen, in the event and in every list.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ports, Sandbox, npm};

/// A project with the packages of a fixture, and what makes its server speak TLS.
struct Project {
    fixture: &'static str,
    framework: &'static str,
    script: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl Project {
    fn stage(&self) -> (Sandbox, npm::Installed) {
        let installed = npm::packages(&format!("fixtures/{}", self.fixture));
        let mut sandbox = Sandbox::with_fixture(self.fixture);
        symlink(installed.dir.join("node_modules"), sandbox.project().join("node_modules")).unwrap();
        let manifest = std::fs::read_to_string(sandbox.project().join("package.json")).unwrap();
        let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
        manifest["scripts"] = serde_json::json!({ "dev": self.script });
        sandbox.file("package.json", &manifest.to_string());
        let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
        for name in ["key.pem", "cert.pem"] {
            std::fs::copy(tls.join(name), sandbox.project().join(name)).unwrap();
        }
        for (path, text) in self.files {
            sandbox.file(path, text);
        }
        for variable in ["NEXT_TELEMETRY_DISABLED", "NUXT_TELEMETRY_DISABLED"] {
            sandbox.env(variable, "1");
        }
        sandbox.env("NG_CLI_ANALYTICS", "false");
        (sandbox, installed)
    }

    fn has(&self, scheme: &str) {
        let (mut sandbox, _installed) = self.stage();
        let ports = Ports::claim(2);
        sandbox.range(self.framework, &ports);
        let url = format!("{scheme}://localhost:{}", ports.first());
        let plan: Value = serde_json::from_str(&sandbox.run(["dev", "--dry-run", "--json"]).stdout).unwrap();
        assert_eq!(plan["env"]["BOWLINE_URL"], url, "{plan:#}");
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.event("port-detected")["url"], url);
        let status: Value = serde_json::from_str(&sandbox.run(["status", "--json"]).stdout).unwrap();
        assert_eq!(status["url"], url, "{status:#}");
        let ended = session.stop();
        assert_eq!(ended.of("port-detected").len(), 1, "it was right at once: {ended:#?}");
    }
}

macro_rules! has {
    ($($name:ident: $scheme:literal, $fixture:expr, $framework:expr, $script:expr, $files:expr;)*) => {$(
        #[test]
        fn $name() {
            let project =
                Project { fixture: $fixture, framework: $framework, script: $script, files: &$files };
            project.has($scheme);
        }
    )*};
}

const VITE: &str = "
    import fs from 'node:fs';
    const https = { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') };
    export default { cacheDir: '.vite', server: { https: { ...https } } };
";

const PLUGIN: &str = "
    import basicSsl from '@vitejs/plugin-basic-ssl';
    export default { cacheDir: '.vite', plugins: [basicSsl({ certDir: '.certificates' })] };
";

const NEXT: &str =
    "next dev --experimental-https --experimental-https-key key.pem --experimental-https-cert cert.pem";

const WEBPACK: &str = "
    module.exports = { mode: 'development', devServer: {
        server: { type: 'https', options: { key: 'key.pem', cert: 'cert.pem' } },
    } };
";

has! {
    vite: "https", "real/vite", "vite", "vite", [("vite.config.mjs", VITE)];
    vite_with_a_plugin: "https", "real/basic-ssl", "vite", "vite", [("vite.config.mjs", PLUGIN)];
    vite_without_it: "http", "real/vite", "vite", "vite", [];
    next: "https", "real/next", "next", NEXT, [];
    next_without_it: "http", "real/next", "next", "next dev", [];
    webpack_by_a_flag: "https", "matrix/webpack", "webpack", "webpack serve --server-type https", [];
    webpack_by_its_configuration: "https", "matrix/webpack", "webpack", "webpack serve", [("webpack.config.js", WEBPACK)];
    webpack_without_it: "http", "matrix/webpack", "webpack", "webpack serve", [];
    angular: "https", "matrix/angular", "angular", "ng serve --ssl", [];
    create_react_app: "https", "matrix/cra", "cra", "react-scripts start", [(".env", "HTTPS=true\n")];
    nuxt: "https", "matrix/nuxt", "nuxt", "nuxt dev --https --https.key=key.pem --https.cert=cert.pem", [];
}
