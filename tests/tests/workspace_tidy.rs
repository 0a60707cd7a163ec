//! Holds the workspace to the layout of `ARCHITECTURE.md`, and proves that breaking it is noticed.

use std::{fs, path::Path};

use cargo_metadata::MetadataCommand;
use watchkeeper_tests::tidy::{self, Dependency, DependencyKind, Finding, Package, Source, Workspace};

#[test]
fn the_workspace_keeps_its_layout() {
    let findings = tidy::check(&this_workspace());
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "the workspace is not tidy:\n  {}", list.join("\n  "));
}

#[test]
fn the_description_of_the_workspace_is_not_empty() {
    let workspace = this_workspace();
    for name in ["model", "engine", "cli", "simulator", "tests"] {
        assert!(workspace.packages.iter().any(|package| package.short_name() == name), "{name} was not read");
    }
    let protocol = package(&workspace, "protocol");
    let needs_model = |dependency: &Dependency| {
        dependency.name == "watchkeeper-model" && dependency.kind == DependencyKind::Normal
    };
    assert!(protocol.dependencies.iter().any(needs_model), "the edge protocol -> model was not read");
    assert!(workspace.sources.iter().any(|source| source.path == "tests/tests/workspace_tidy.rs"));
}

#[test]
fn one_more_edge_between_our_crates_is_named() {
    for (from, to) in
        [("detect", "engine"), ("takeover", "protocol"), ("model", "xtask"), ("server", "client")]
    {
        let mut workspace = this_workspace();
        add(&mut workspace, from, &format!("watchkeeper-{to}"), DependencyKind::Normal);
        let expected = Finding::ForbiddenEdge { from: from.to_owned(), to: to.to_owned() };
        assert_eq!(tidy::check_edges(&workspace.packages), [expected]);
    }
}

#[test]
fn a_pure_crate_that_needs_sockets_threads_or_chance_is_named() {
    for dependency in ["tokio", "tokio-tungstenite", "crossbeam-channel", "rand", "bevy_ecs", "metrics"] {
        let mut workspace = this_workspace();
        add(&mut workspace, "model", dependency, DependencyKind::Normal);
        let expected =
            Finding::ImpureDependency { from: "model".to_owned(), dependency: dependency.to_owned() };
        assert_eq!(tidy::check_purity(&workspace.packages), [expected]);
    }
}

#[test]
fn development_dependencies_are_free() {
    let mut workspace = this_workspace();
    add(&mut workspace, "detect", "watchkeeper-engine", DependencyKind::Development);
    add(&mut workspace, "model", "tokio", DependencyKind::Development);
    assert_eq!(tidy::check_edges(&workspace.packages), []);
    assert_eq!(tidy::check_purity(&workspace.packages), []);
}

#[test]
fn only_the_consoles_crates_name_bevy_and_egui_even_in_their_tests() {
    let mut packages: Vec<Package> =
        ["crates/console", "crates/panels", "crates/cli"].map(described).to_vec();
    for package in &mut packages {
        for name in ["bevy", "egui", "egui_plot"] {
            package
                .dependencies
                .push(Dependency { name: name.to_owned(), kind: DependencyKind::Development });
        }
    }
    let named = |from: &str, dependency: &str| Finding::ConfinedDependency {
        from: from.to_owned(),
        dependency: dependency.to_owned(),
    };
    assert_eq!(
        tidy::check_confined_families(&packages),
        [named("panels", "bevy"), named("cli", "bevy"), named("cli", "egui"), named("cli", "egui_plot")]
    );
}

#[test]
fn a_crate_without_a_row_in_the_table_is_named() {
    let findings = tidy::check_edges(&[described("crates/utils")]);
    assert_eq!(findings, [Finding::UnknownCrate { name: "utils".to_owned() }]);
}

#[test]
fn a_careless_manifest_is_named() {
    let mut package = described("crates/model");
    package.name = "model".to_owned();
    package.is_described = false;
    package.inherits_lints = false;
    let folder = "crates/model".to_owned();
    assert_eq!(
        tidy::check_manifests(&[package]),
        [
            Finding::PackageName { folder: folder.clone(), name: "model".to_owned() },
            Finding::NoDescription { folder: folder.clone() },
            Finding::LintsNotInherited { folder },
        ]
    );
}

#[test]
fn a_crate_without_its_story_is_named() {
    let told = source("crates/model/src/lib.rs", "#![no_std]\n\n//! The words.\n");
    let silent = source("crates/model/src/lib.rs", "// not a crate doc\n//! too late\n");
    let findings_for = |sources: Vec<Source>| {
        tidy::check_crate_docs(&Workspace { packages: vec![described("crates/model")], sources })
    };
    assert_eq!(findings_for(vec![told]), []);
    assert_eq!(
        findings_for(vec![silent]),
        [Finding::NoCrateDocs { path: "crates/model/src/lib.rs".to_owned() }]
    );
    assert_eq!(findings_for(vec![]), [Finding::NoCrateDocs { path: "crates/model/src".to_owned() }]);
}

#[test]
fn a_mod_file_and_a_file_that_is_too_long_are_named() {
    let path = "crates/model/src/ids.rs".to_owned();
    let at_limit = source(&path, &"\n".repeat(tidy::MAX_LINES));
    let above = source(&path, &"\n".repeat(tidy::MAX_LINES + 1));
    assert_eq!(tidy::check_files(std::slice::from_ref(&at_limit), &[]), []);
    let too_long = vec![Finding::TooLong { path: path.clone(), lines: tidy::MAX_LINES + 1 }];
    assert_eq!(tidy::check_files(std::slice::from_ref(&above), &[]), too_long);
    assert_eq!(tidy::check_files(std::slice::from_ref(&above), &[(&path, "one table")]), []);
    assert_eq!(tidy::check_files(&[above], &[(&path, "")]), too_long);
    assert_eq!(tidy::check_files(&[at_limit], &[(&path, "one table")]), [Finding::StaleLongFile { path }]);
    let mod_file = source("crates/model/src/ids/mod.rs", "");
    assert_eq!(
        tidy::check_files(std::slice::from_ref(&mod_file), &[]),
        [Finding::ModFile { path: mod_file.path }]
    );
}

#[test]
fn a_clock_read_outside_of_a_clock_file_is_named() {
    let text = "// Instant::now in a comment\nlet a = Instant::now();\nlet b = SystemTime::now();\n";
    let read = |line, call| Finding::ReadsClock { path: "crates/engine/src/alert.rs".to_owned(), line, call };
    assert_eq!(
        tidy::check_clock_reads(&[
            source("crates/engine/src/alert.rs", text),
            source("crates/server/src/clock.rs", text),
            source("crates/server/tests/restart.rs", text),
        ]),
        [read(2, "Instant::now"), read(3, "SystemTime::now")]
    );
}

#[test]
fn a_broken_edge_on_disk_is_read_and_named() {
    let root = watchkeeper_canary::tempdir().expect("a temporary directory");
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is writable");
        fs::write(path, text).expect("the file is writable");
    };
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n[workspace.lints.rust]\n");
    let manifest = |name: &str, rest: &str| {
        format!(
            "lints.workspace = true\n[package]\nname = \"watchkeeper-{name}\"\ndescription = \"x\"\n{rest}"
        )
    };
    write(
        "crates/detect/Cargo.toml",
        &manifest(
            "detect",
            "[dependencies]\ntoo = { package = \"watchkeeper-engine\", path = \"../engine\" }\n",
        ),
    );
    write("crates/engine/Cargo.toml", &manifest("engine", "").replace("lints.workspace = true\n", ""));
    for name in ["detect", "engine"] {
        write(&format!("crates/{name}/src/lib.rs"), "//! A crate.\n");
    }
    assert_eq!(
        tidy::check(&workspace_at(root.path())),
        [
            Finding::ForbiddenEdge { from: "detect".to_owned(), to: "engine".to_owned() },
            Finding::LintsNotInherited { folder: "crates/engine".to_owned() },
        ]
    );
}

fn this_workspace() -> Workspace {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies below the root");
    workspace_at(root)
}

/// Reads a workspace: manifests through cargo (no dependency is resolved, so no network and no lock file
/// is needed), sources from the members' folders.
fn workspace_at(root: &Path) -> Workspace {
    let root = root.canonicalize().expect("the root exists");
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo can describe the workspace");
    let mut workspace = Workspace::default();
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
        workspace.packages.push(Package {
            name: package.name.to_string(),
            folder: slashed(&root, folder.as_std_path()),
            is_described: package.description.as_ref().is_some_and(|text| !text.trim().is_empty()),
            inherits_lints: inherits_lints(package.manifest_path.as_std_path()),
            dependencies: package.dependencies.iter().map(dependency).collect(),
        });
        read_sources(&root, folder.as_std_path(), &mut workspace.sources);
    }
    workspace
}

fn dependency(read: &cargo_metadata::Dependency) -> Dependency {
    let is_development = read.kind == cargo_metadata::DependencyKind::Development;
    let kind = if is_development { DependencyKind::Development } else { DependencyKind::Normal };
    Dependency { name: read.name.clone(), kind }
}

fn inherits_lints(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest).expect("the manifest is readable");
    let table: toml::Table = text.parse().expect("cargo has read the manifest already");
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    lints.and_then(toml::Value::as_bool) == Some(true)
}

fn read_sources(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a member's folder is readable") {
        let entry = entry.expect("a folder's entry is readable");
        let path = entry.path();
        let name = entry.file_name();
        let is_hidden_or_built = name == "target" || name.to_string_lossy().starts_with('.');
        if entry.file_type().expect("an entry has a type").is_dir() {
            if !is_hidden_or_built {
                read_sources(root, &path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is text");
            sources.push(Source { path: slashed(root, &path), text });
        }
    }
}

fn slashed(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).expect("a member lies below the root");
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn package<'a>(workspace: &'a Workspace, name: &str) -> &'a Package {
    workspace.packages.iter().find(|package| package.short_name() == name).expect("the crate exists")
}

fn add(workspace: &mut Workspace, from: &str, dependency: &str, kind: DependencyKind) {
    let package = workspace.packages.iter_mut().find(|package| package.short_name() == from);
    let dependency = Dependency { name: dependency.to_owned(), kind };
    package.expect("the crate exists").dependencies.push(dependency);
}

fn described(folder: &str) -> Package {
    let name = format!("watchkeeper-{}", folder.rsplit('/').next().unwrap_or(folder));
    Package {
        name,
        folder: folder.to_owned(),
        is_described: true,
        inherits_lints: true,
        dependencies: Vec::new(),
    }
}

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}
