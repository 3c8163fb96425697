use crate::script::{Edit, Script};

fn run(text: &str) -> String {
    let scripts = |name: &str| match name {
        "web" => Some("vite --host".to_owned()),
        "p" => Some("PORT=4 next dev -p 3".to_owned()),
        _ => None,
    };
    let leaves = Script::parse(text).unwrap().leaves(&scripts);
    let mut out = String::new();
    for leaf in &leaves {
        let e = Edit {
            flags: &["--port", "-p"],
            strict: Some("--strictPort"),
            port: 3101,
            variables: &["PORT"],
            ..Edit::default()
        };
        out += &format!("{} {:?} {:?} => {:?}\n", leaf.program, leaf.kind, leaf.role, leaf.rewrite(&e));
    }
    out
}

#[test]
fn smoke() {
    for text in [
        "vite",
        "cross-env PORT=4000 next dev -p 4000 && echo hi",
        "sh -c 'vite --port 3000 | cat' > log",
        "npm run web",
        "npm run p",
        "concurrently \"npm:web\" \"sh -c 'vite -p $PORT'\"",
        "dotenv -e .env vite",
    ] {
        eprintln!("{text}\n{}", run(text));
    }
}
