//! The layout rules of the workspace, as plain functions over a description of it.
//!
//! Nothing here reads a disk or runs cargo, so that a test can hand in a broken description and see the
//! rule complain. `tests/tests/workspace_tidy.rs` reads the real workspace.

mod finding;

pub use finding::Finding;

/// Our crates by folder, each with the crates of ours that it may depend on outside of its tests.
///
/// This table is the architecture; `ARCHITECTURE.md` says why each crate exists. A crate that is not in
/// the first column may not exist.
pub const ALLOWED_EDGES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("protocol", &["model"]),
    ("detect", &["model"]),
    ("takeover", &["model"]),
    ("review", &["model"]),
    ("engine", &["model", "protocol", "detect", "takeover", "review"]),
    ("ledger", &[]),
    ("picture", &["model", "protocol"]),
    ("client", &["model", "protocol", "takeover", "picture"]),
    ("identity", &["model"]),
    ("eval", &[]),
    ("server", &["engine", "identity", "ledger", "protocol", "model"]),
    ("panels", &["picture", "model"]),
    ("console", &["panels", "picture", "client", "ledger", "engine", "protocol", "model"]),
    (
        "cli",
        &[
            "model",
            "protocol",
            "detect",
            "takeover",
            "review",
            "engine",
            "eval",
            "identity",
            "ledger",
            "picture",
            "client",
            "server",
            "simulator",
        ],
    ),
    ("xtask", &[]),
    ("simulator", &["client", "protocol", "model"]),
    (
        "tests",
        &[
            "model",
            "protocol",
            "detect",
            "takeover",
            "review",
            "engine",
            "ledger",
            "picture",
            "client",
            "server",
            "panels",
            "cli",
            "simulator",
        ],
    ),
];

/// Crates without sockets, clocks, threads and chance: what replay and proof rest on.
pub const PURE_CRATES: &[&str] =
    &["model", "protocol", "detect", "takeover", "review", "engine", "ledger", "picture"];

/// Families of third-party crates that a pure crate may not depend on: `tokio` stands for `tokio-*` too.
pub const IMPURE_FAMILIES: &[&str] =
    &["tokio", "tungstenite", "mio", "crossbeam", "rayon", "rand", "bevy", "metrics"];

/// Families whose name may stand in the manifests of the listed crates only, whatever the kind.
pub const CONFINED_FAMILIES: &[(&str, &[&str])] =
    &[("bevy", &["console"]), ("egui", &["panels", "console"]), ("eframe", &["panels", "console"])];

/// The longest a source file may be, in lines, unless [`LONG_FILES`] gives a reason.
pub const MAX_LINES: usize = 600;

/// Source files above [`MAX_LINES`], each with the reason why splitting it would be worse.
pub const LONG_FILES: &[(&str, &str)] = &[];

/// Calls that read a clock; they stand in files named `clock.rs` and nowhere else.
const CLOCK_CALLS: &[&str] = &["Instant::now", "SystemTime::now", "clock_gettime"];

/// What the rules need to know of one workspace.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// Every member package.
    pub packages: Vec<Package>,
    /// Every Rust file of the members.
    pub sources: Vec<Source>,
}

/// One member package, as its manifest describes it.
#[derive(Debug, Clone)]
pub struct Package {
    /// The package's name, such as `watchkeeper-model`.
    pub name: String,
    /// The package's folder from the root, with forward slashes, such as `crates/model`.
    pub folder: String,
    /// Whether the manifest has a description that is not empty.
    pub is_described: bool,
    /// Whether the manifest says `lints.workspace = true`.
    pub inherits_lints: bool,
    /// Every dependency that the manifest names, whatever its kind and target.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// Returns the last part of the folder: the name by which the tables know the crate.
    pub fn short_name(&self) -> &str {
        self.folder.rsplit('/').next().unwrap_or(&self.folder)
    }
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The name of the package depended on (not what the manifest renames it to).
    pub name: String,
    /// When it is needed.
    pub kind: DependencyKind,
}

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// To build the crate itself, its build script included: the edges that [`ALLOWED_EDGES`] rules.
    Normal,
    /// For tests, examples and benchmarks only: free.
    Development,
}

/// One Rust file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path from the root, with forward slashes.
    pub path: String,
    /// The file's whole text.
    pub text: String,
}

impl Source {
    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    fn is_test_code(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz"))
    }
}

/// Applies every rule and returns what is broken, sorted.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = check_edges(&workspace.packages);
    findings.extend(check_purity(&workspace.packages));
    findings.extend(check_confined_families(&workspace.packages));
    findings.extend(check_manifests(&workspace.packages));
    findings.extend(check_crate_docs(workspace));
    findings.extend(check_files(&workspace.sources, LONG_FILES));
    findings.extend(check_clock_reads(&workspace.sources));
    findings.sort();
    findings.dedup();
    findings
}

/// Checks the edges between our own crates against [`ALLOWED_EDGES`].
pub fn check_edges(packages: &[Package]) -> Vec<Finding> {
    let ours = |name: &str| packages.iter().find(|package| package.name == name);
    let mut findings = Vec::new();
    for package in packages {
        let from = package.short_name();
        let Some((_, allowed)) = ALLOWED_EDGES.iter().find(|(name, _)| *name == from) else {
            findings.push(Finding::UnknownCrate { name: from.to_owned() });
            continue;
        };
        let targets =
            normal(package).filter_map(|dependency| ours(&dependency.name)).map(Package::short_name);
        findings.extend(
            targets
                .filter(|to| !allowed.contains(to))
                .map(|to| Finding::ForbiddenEdge { from: from.to_owned(), to: to.to_owned() }),
        );
    }
    findings
}

/// Checks that no pure crate needs a family of [`IMPURE_FAMILIES`].
pub fn check_purity(packages: &[Package]) -> Vec<Finding> {
    let pure = packages.iter().filter(|package| PURE_CRATES.contains(&package.short_name()));
    pure.flat_map(|package| {
        normal(package)
            .filter(|dependency| IMPURE_FAMILIES.iter().any(|family| is_of_family(&dependency.name, family)))
            .map(|dependency| Finding::ImpureDependency {
                from: package.short_name().to_owned(),
                dependency: dependency.name.clone(),
            })
    })
    .collect()
}

/// Checks [`CONFINED_FAMILIES`], for dependencies of every kind.
pub fn check_confined_families(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let from = package.short_name();
        for dependency in &package.dependencies {
            let is_forbidden = CONFINED_FAMILIES
                .iter()
                .any(|(family, homes)| is_of_family(&dependency.name, family) && !homes.contains(&from));
            if is_forbidden {
                let dependency = dependency.name.clone();
                findings.push(Finding::ConfinedDependency { from: from.to_owned(), dependency });
            }
        }
    }
    findings
}

/// Checks name, description and lints of every manifest.
pub fn check_manifests(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let folder = package.folder.clone();
        if package.name != format!("watchkeeper-{}", package.short_name()) {
            findings.push(Finding::PackageName { folder: folder.clone(), name: package.name.clone() });
        }
        if !package.is_described {
            findings.push(Finding::NoDescription { folder: folder.clone() });
        }
        if !package.inherits_lints {
            findings.push(Finding::LintsNotInherited { folder });
        }
    }
    findings
}

/// Checks that every crate opens with its story: `//!` before anything but inner attributes.
pub fn check_crate_docs(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let is_root = |source: &&Source| {
            ["lib.rs", "main.rs"].iter().any(|file| source.path == format!("{}/src/{file}", package.folder))
        };
        let mut roots = workspace.sources.iter().filter(is_root).peekable();
        if roots.peek().is_none() {
            findings.push(Finding::NoCrateDocs { path: format!("{}/src", package.folder) });
        }
        findings.extend(
            roots
                .filter(|root| !opens_with_docs(&root.text))
                .map(|root| Finding::NoCrateDocs { path: root.path.clone() }),
        );
    }
    findings
}

/// Checks that there is no `mod.rs`, and no file above [`MAX_LINES`] but the `long_files` with a reason.
pub fn check_files(sources: &[Source], long_files: &[(&str, &str)]) -> Vec<Finding> {
    let has_reason =
        |path: &str| long_files.iter().any(|(listed, reason)| *listed == path && !reason.is_empty());
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if source.file_name() == "mod.rs" {
            findings.push(Finding::ModFile { path: source.path.clone() });
        }
        if lines > MAX_LINES && !has_reason(&source.path) {
            findings.push(Finding::TooLong { path: source.path.clone(), lines });
        }
    }
    let is_long = |path: &str| {
        sources.iter().any(|source| source.path == path && source.text.lines().count() > MAX_LINES)
    };
    findings.extend(
        long_files
            .iter()
            .filter(|(path, _)| !is_long(path))
            .map(|(path, _)| Finding::StaleLongFile { path: (*path).to_owned() }),
    );
    findings
}

/// Checks that only files named `clock.rs`, and test code, read a clock. Comment lines do not count.
pub fn check_clock_reads(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.file_name() != "clock.rs" && !source.is_test_code()) {
        let code = source.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (index, line) in code {
            findings.extend(
                CLOCK_CALLS.iter().filter(|call| line.contains(**call)).map(|call| Finding::ReadsClock {
                    path: source.path.clone(),
                    line: index + 1,
                    call,
                }),
            );
        }
    }
    findings
}

fn normal(package: &Package) -> impl Iterator<Item = &Dependency> {
    package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal)
}

/// `tokio`, `tokio-util` and `bevy_tokio` are all of the family `tokio`; `tokiox` is not.
fn is_of_family(package_name: &str, family: &str) -> bool {
    package_name.split(['-', '_']).any(|part| part == family)
}

fn opens_with_docs(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("#!["));
    lines.next().is_some_and(|line| line.starts_with("//!"))
}
