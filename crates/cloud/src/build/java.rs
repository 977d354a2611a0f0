//! Java: Gradle or Maven, then classes and `lib/` with all jars, as Lambda wants them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Job, tools};
use crate::Failure;
use crate::local::folder;

/// Adds a task that copies what Lambda needs, without touching the project's own files. `register` and
/// `annotationProcessor` are younger than some distributions' Gradle, which looks for processors among
/// what it compiles with.
const GRADLE_SCRIPT: &str = r#"allprojects { project ->
    project.plugins.withId('java') {
        if (project.configurations.findByName('annotationProcessor') == null) {
            def processors = project.configurations.create('annotationProcessor')
            project.configurations.compileOnly.extendsFrom(processors)
        }
    }
    project.afterEvaluate {
        if (project.plugins.hasPlugin('java')) {
            project.tasks.create('gureumBuild', Copy) {
                dependsOn 'classes'
                into project.property('gureumBuildTarget')
                from project.sourceSets.main.output
                into('lib') { from project.configurations.runtimeClasspath }
            }
        }
    }
}
"#;

/// Builds with what the project is made for.
pub fn build(job: &Job<'_>) -> Result<(), Failure> {
    let has = |name: &str| job.source.join(name).is_file();
    if has("pom.xml") {
        return maven(job);
    }
    if has("build.gradle") || has("build.gradle.kts") {
        return gradle(job);
    }
    let why = "there is neither pom.xml nor build.gradle";
    Err(Failure::of(format!("{}: {}", job.id, job.source.display()), why))
}

/// The project's wrapper, also of a folder above; else the program in PATH.
fn program(
    source: &Path,
    wrapper: &str,
    name: &str,
    job: &str,
    install: &str,
) -> Result<PathBuf, Failure> {
    let wrapped =
        source.ancestors().take(3).map(|folder| folder.join(wrapper)).find(|file| file.is_file());
    match wrapped {
        Some(found) => Ok(found),
        None => tools::need(name, job, install),
    }
}

fn gradle(job: &Job<'_>) -> Result<(), Failure> {
    let gradle = program(
        &job.source,
        "gradlew",
        "gradle",
        job.id,
        "install Gradle, or put its wrapper (gradlew) into the project",
    )?;
    let script = job.scratch.join("gureum.gradle");
    fs::write(&script, GRADLE_SCRIPT)?;
    // A property, as a daemon may keep the variables of an earlier build.
    let target = format!("-PgureumBuildTarget={}", job.target.display());
    let script = script.display().to_string();
    let args = ["--init-script", &script, &target, "--console=plain", "-q", "gureumBuild"];
    let built = tools::run(&gradle, &args, &job.source, &[]);
    let wrapped = gradle.file_name().is_some_and(|name| name == "gradlew");
    match (built, tools::find("gradle").filter(|_| wrapped)) {
        // A wrapper has to fetch its Gradle first, which not every machine can.
        (Err(Failure(why)), Some(other)) => {
            eprintln!("{why}\nTrying {} instead.", other.display());
            tools::run(&other, &args, &job.source, &[])
        }
        (built, _) => built,
    }
}

fn maven(job: &Job<'_>) -> Result<(), Failure> {
    let maven =
        program(&job.source, "mvnw", "mvn", job.id, "install Maven (Debian: apt install maven)")?;
    tools::copy_source(&job.source, &job.scratch)?;
    let quiet = ["-B", "-q", "-ntp", "-Dstyle.color=never"];
    tools::run(
        &maven,
        &[&quiet[..], &["clean", "package", "-DskipTests"]].concat(),
        &job.scratch,
        &[],
    )?;
    let copied =
        ["dependency:copy-dependencies", "-DincludeScope=runtime", "-Dmdep.prependGroupId=true"];
    tools::run(&maven, &[&quiet[..], &copied].concat(), &job.scratch, &[])?;
    folder::copy(&job.scratch.join("target/classes"), &job.target)?;
    let jars = job.scratch.join("target/dependency");
    if jars.is_dir() {
        folder::copy(&jars, &job.target.join("lib"))?;
    }
    Ok(())
}
