//! The projects.

/// A project, and what is expected of it.
pub struct Row {
    pub name: &'static str,
    /// The directory below `fixtures/`, if it is not `matrix/NAME`.
    pub lies_in: Option<&'static str>,
    /// Whose versions are told.
    pub packages: &'static [&'static str],
    pub key: &'static str,
    pub script: &'static str,
    /// Whether `--script` asks for it, as bowline would not take it by itself.
    pub asks_for_script: bool,
    /// Where the framework listens by convention.
    pub port: u16,
    /// What the server prints when it has built the app, if it answers something else before.
    pub builds_until: Option<&'static str>,
    /// A path, and part of what is answered there.
    pub page: (&'static str, &'static str),
    /// Whether the registry is known to lack some of its packages.
    pub missing: bool,
}

impl Row {
    /// Its directory, from the root of the repository.
    pub fn fixture(&self) -> String {
        match self.lies_in {
            Some(dir) => format!("fixtures/{dir}"),
            None => format!("fixtures/matrix/{}", self.name),
        }
    }
}

const ROW: Row = Row {
    name: "",
    lies_in: None,
    packages: &[],
    key: "",
    script: "dev",
    asks_for_script: false,
    port: 3000,
    builds_until: None,
    page: ("/", ""),
    missing: false,
};

/// One of the templates of create-vite.
const VITE: Row = Row { key: "vite", port: 5173, ..ROW };

pub const ROWS: &[Row] = &[
    Row {
        name: "vite-react",
        lies_in: Some("real/vite"),
        packages: &["vite", "react"],
        page: ("/src/App.tsx", "Get started"),
        ..VITE
    },
    Row { name: "vite-vue", packages: &["vite", "vue"], page: ("/src/App.vue", "Hello from Vue"), ..VITE },
    Row {
        name: "vite-svelte",
        packages: &["vite", "svelte"],
        page: ("/src/App.svelte", "Hello from Svelte"),
        ..VITE
    },
    Row {
        name: "vite-solid",
        packages: &["vite", "solid-js"],
        page: ("/src/App.tsx", "Hello from Solid"),
        ..VITE
    },
    Row {
        name: "vite-preact",
        packages: &["vite", "preact"],
        page: ("/src/App.tsx", "Hello from Preact"),
        ..VITE
    },
    Row {
        name: "vite-qwik",
        packages: &["vite", "@builder.io/qwik"],
        key: "qwik",
        page: ("/src/App.tsx", "App_component"),
        ..VITE
    },
    Row {
        name: "next",
        lies_in: Some("real/next"),
        packages: &["next"],
        key: "next",
        page: ("/", "Hello from Next.js"),
        ..ROW
    },
    Row {
        name: "astro",
        lies_in: Some("real/astro"),
        packages: &["astro"],
        key: "astro",
        port: 4321,
        page: ("/", "Hello from Astro"),
        ..ROW
    },
    Row {
        name: "nuxt",
        packages: &["nuxt", "@nuxt/cli"],
        key: "nuxt",
        builds_until: Some("Nitro server built"),
        page: ("/", "Hello from Nuxt"),
        ..ROW
    },
    Row {
        name: "sveltekit",
        packages: &["@sveltejs/kit", "vite"],
        key: "sveltekit",
        page: ("/", "Hello from SvelteKit"),
        ..VITE
    },
    Row {
        name: "react-router",
        packages: &["@react-router/dev", "vite"],
        key: "react-router",
        page: ("/", "Hello from React Router"),
        ..VITE
    },
    Row {
        name: "tanstack",
        lies_in: Some("real/tanstack"),
        packages: &["@tanstack/react-start", "vite"],
        key: "tanstack",
        page: ("/", "Hello from TanStack Start"),
        ..ROW
    },
    Row {
        name: "angular",
        packages: &["@angular/cli"],
        key: "angular",
        script: "start",
        port: 4200,
        page: ("/main.js", "Angular"),
        ..ROW
    },
    Row {
        name: "storybook",
        packages: &["storybook", "vite"],
        key: "storybook",
        script: "storybook",
        asks_for_script: true,
        port: 6006,
        page: ("/index.json", "Hello from Storybook"),
        ..ROW
    },
    Row {
        name: "cra",
        packages: &["react-scripts"],
        key: "cra",
        script: "start",
        page: ("/", "Hello from Create React App"),
        ..ROW
    },
    Row {
        name: "docusaurus",
        packages: &["@docusaurus/core"],
        key: "docusaurus",
        script: "start",
        page: ("/", "Hello from Docusaurus"),
        ..ROW
    },
    Row {
        name: "expo",
        packages: &["expo"],
        key: "expo",
        script: "start",
        port: 8081,
        page: ("/", "Hello from Expo"),
        ..ROW
    },
    Row {
        name: "wrangler",
        packages: &["wrangler"],
        key: "wrangler",
        port: 8787,
        page: ("/", "Hello from a worker"),
        ..ROW
    },
    Row {
        name: "eleventy",
        packages: &["@11ty/eleventy"],
        key: "eleventy",
        script: "start",
        port: 8080,
        page: ("/", "Hello from Eleventy"),
        ..ROW
    },
    Row {
        name: "rsbuild",
        packages: &["@rsbuild/core"],
        key: "rsbuild",
        page: ("/", "Hello from Rsbuild"),
        ..ROW
    },
    Row {
        name: "rspack",
        packages: &["@rspack/cli"],
        key: "rspack",
        port: 8080,
        page: ("/", "Hello from Rspack"),
        ..ROW
    },
    Row {
        name: "webpack",
        packages: &["webpack-cli", "webpack-dev-server"],
        key: "webpack",
        script: "serve",
        port: 8080,
        page: ("/", "Hello from webpack"),
        ..ROW
    },
    Row {
        name: "parcel",
        packages: &["parcel"],
        key: "parcel",
        script: "start",
        port: 1234,
        page: ("/", "Hello from Parcel"),
        ..ROW
    },
    Row {
        name: "vitepress",
        packages: &["vitepress"],
        key: "vitepress",
        page: ("/", "Hello from VitePress"),
        ..VITE
    },
    Row {
        name: "express",
        lies_in: Some("real/express"),
        packages: &["express"],
        key: "node",
        page: ("/", "Hello from Express"),
        ..ROW
    },
    Row {
        name: "fastify",
        packages: &["fastify-cli", "fastify"],
        key: "fastify",
        page: ("/", "from Fastify"),
        ..ROW
    },
    Row {
        name: "nest",
        packages: &["@nestjs/core", "@nestjs/cli"],
        key: "nest",
        script: "start:dev",
        page: ("/", "Hello from Nest"),
        ..ROW
    },
];
