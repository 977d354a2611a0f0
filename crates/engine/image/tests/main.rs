//! Images made here, found and unpacked.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{Digest, Error, Image, Limits, Local, Platform, Source as _, unpack};
use serde_json::json;
use tar::{Builder, EntryType, Header};

const LIMITS: Limits = Limits { bytes_max: 1 << 20, entries_max: 100 };

/// An entry of a layer.
enum Entry<'a> {
    File(&'a str, &'a str),
    Folder(&'a str),
    Link(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Device(&'a str),
}

use Entry::{Device, File, Folder, Hard, Link};

/// Puts a name into a header as it is: the crate's own way refuses what is hostile.
fn header(kind: EntryType, name: &str, link: &str, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o640);
    header.set_mtime(1_700_000_000);
    header.set_size(size as u64);
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    header
}

fn layer(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Builder::new(Vec::new());
    for entry in entries {
        let (header, content) = match entry {
            File(name, text) => (header(EntryType::Regular, name, "", text.len()), *text),
            Folder(name) => (header(EntryType::Directory, name, "", 0), ""),
            Link(name, to) => (header(EntryType::Symlink, name, to, 0), ""),
            Hard(name, to) => (header(EntryType::Link, name, to, 0), ""),
            Device(name) => (header(EntryType::Char, name, "", 0), ""),
        };
        out.append(&header, content.as_bytes()).unwrap();
    }
    out.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A zstd frame to be skipped, then the bytes in two frames.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let mut out = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let (one, two) = bytes.split_at(bytes.len() / 2);
    out.extend(compress_to_vec(one, CompressionLevel::Fastest));
    out.extend(compress_to_vec(two, CompressionLevel::Fastest));
    out
}

struct Folders(PathBuf);

impl Folders {
    fn new(name: &str) -> Folders {
        let path = std::env::temp_dir().join(format!("image-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("root")).unwrap();
        Folders(path)
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a layout with one image of these stored layers, and their plain forms.
fn layout(folder: &Path, layers: &[(Vec<u8>, Vec<u8>)], change: fn(&mut serde_json::Value)) {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        (digest.to_string(), bytes.len())
    };
    let plain: Vec<String> =
        layers.iter().map(|(_, plain)| Digest::of(plain).to_string()).collect();
    let config = json!({
        "architecture": Platform::own().architecture, "os": "linux",
        "config": {"Env": ["A=b=c", "bad"], "Entrypoint": ["/run"], "Cmd": ["x"], "WorkingDir": "/w"},
        "rootfs": {"type": "layers", "diff_ids": plain},
    });
    let (config, size) = put(config.to_string().as_bytes());
    let kinds = ["tar", "tar+gzip", "tar+zstd"];
    let described: Vec<_> = layers
        .iter()
        .map(|(stored, _)| {
            let (digest, size) = put(stored);
            let kind = match stored[0] {
                0x1f => kinds[1],
                0x50 => kinds[2],
                _ => kinds[0],
            };
            let kind = format!("application/vnd.oci.image.layer.v1.{kind}");
            json!({"mediaType": kind, "digest": digest, "size": size})
        })
        .collect();
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
        "layers": described,
    });
    change(&mut manifest);
    let (digest, size) = put(manifest.to_string().as_bytes());
    let name = json!({"org.opencontainers.image.ref.name": "v1"});
    let index = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": manifest["mediaType"], "digest": digest, "size": size, "annotations": name},
    ]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

fn unpacked(folders: &Folders, layers: &[Vec<u8>]) -> Result<PathBuf, Error> {
    let stored: Vec<_> = layers.iter().map(|plain| (plain.clone(), plain.clone())).collect();
    layout(&folders.0, &stored, |_| {});
    let local = Local::open(&folders.0)?;
    let image = Image::find(&local, "", &Platform::own())?;
    let root = folders.0.join("root");
    unpack(&image, &local, &root, LIMITS)?;
    Ok(root)
}

#[test]
fn layers_lie_over_each_other() {
    let folders = Folders::new("layers");
    let low = layer(&[
        Folder("usr"),
        Folder("usr/bin/"),
        File("usr/bin/run", "low"),
        File("usr/bin/gone", "x"),
        Folder("data"),
        File("data/old", "x"),
        Link("bin", "usr/bin"),
        File("etc/passwd", "root"),
        Device("dev/null"),
    ]);
    let high = layer(&[
        File("bin/run", "high"),
        File("bin/.wh.gone", ""),
        File("data/new", "n"),
        File("data/.wh..wh..opq", ""),
        Hard("run2", "bin/run"),
        Link("etc/hosts", "/etc/passwd"),
        File("./deep/er/file", "d"),
    ]);
    let stored = [
        (gzip(&low), low.clone()),
        (zstd(&high), high),
        (layer(&[File("last", "l")]), layer(&[File("last", "l")])),
    ];
    layout(&folders.0, &stored, |_| {});
    let local = Local::open(&folders.0).unwrap();
    let image = Image::find(&local, "v1", &Platform::own()).unwrap();
    let run = image.config.config.clone().unwrap();
    assert_eq!(run.entrypoint.as_deref(), Some(&["/run".to_owned()][..]));
    assert_eq!(run.variables().collect::<Vec<_>>(), [("A", "b=c")]);
    let root = folders.0.join("root");
    unpack(&image, &local, &root, LIMITS).unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let check = |path: &str, expected: Option<&str>| {
        assert_eq!(read(path).as_deref(), expected, "{path}");
    };
    check("usr/bin/run", Some("high"));
    check("usr/bin/gone", None);
    check("usr/bin/.wh.gone", None);
    check("data/old", None);
    check("data/new", Some("n"));
    check("run2", Some("high"));
    check("deep/er/file", Some("d"));
    check("last", Some("l"));
    // What is mounted over is no link, whatever the image has.
    check("etc/hosts", Some(""));
    check("etc/passwd", Some("root"));
    assert!(fs::symlink_metadata(root.join("bin")).unwrap().is_symlink());
    assert!(!root.join("dev/null").exists());
    let facts = fs::metadata(root.join("usr/bin/run")).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o644);
    let age = facts.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(age.as_secs(), 1_700_000_000);
    assert!(matches!(Image::find(&local, "v2", &Platform::own()), Err(Error::Missing(_))));
}

#[test]
fn nothing_is_written_elsewhere() {
    let check = |name: &str, entries: &[Entry<'_>], expected: &str| {
        let folders = Folders::new(&format!("evil-{name}"));
        let outside = folders.0.join("outside");
        fs::write(&outside, "mine").unwrap();
        let found = unpacked(&folders, &[layer(entries)]);
        let told = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(told.contains(expected), "{name}: {told}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine", "{name}");
        let names = fs::read_dir(&folders.0).unwrap().flatten().map(|e| e.file_name());
        let names: Vec<_> = names.filter(|n| n == "evil").collect();
        assert!(names.is_empty(), "{name}");
    };
    check("up", &[File("../evil", "x")], "leads out of the image");
    check("inner", &[File("a/../../evil", "x")], "leads out of the image");
    check("whiteout", &[File("a/.wh...", "x")], "leads out of the image");
    check("hard", &[Hard("a", "../outside")], "leads out of the image");
    // These stay inside, wherever they point to.
    check("link", &[Link("up", ".."), File("up/evil", "x")], "");
    check("absolute", &[Link("up", "/tmp"), File("up/evil", "x")], "");
    check("hard-by-link", &[Link("up", ".."), Hard("b", "up/outside")], "No such file");
    check("over", &[Link("a", "../outside"), File("a", "x")], "");
    check("etc", &[Link("etc", "../outside")], "");
    check("proc", &[Link("proc", "/"), Link("dev", ".."), File("tmp", "")], "");
    check("loop", &[Link("a", "a"), File("a/b", "x")], "too many links");
    check("file-as-folder", &[File("a", "x"), File("a/b", "x")], "");
}

#[test]
fn bombs_and_lies() {
    let folders = Folders::new("bombs");
    let big = "0".repeat(700 << 10);
    let error = unpacked(&folders, &[layer(&[File("a", &big)]), layer(&[File("b", &big)])]);
    assert!(matches!(error, Err(Error::TooLarge(_))), "{error:?}");
    let folders = Folders::new("many");
    let names: Vec<String> = (0..101).map(|n| format!("f{n}")).collect();
    let files: Vec<Entry<'_>> = names.iter().map(|name| File(name, "")).collect();
    assert!(matches!(unpacked(&folders, &[layer(&files)]), Err(Error::TooLarge(_))));
    let check = |name: &str, change: fn(&mut serde_json::Value), expected: &str| {
        let folders = Folders::new(name);
        let plain = layer(&[File("a", "x")]);
        layout(&folders.0, &[(gzip(&plain), plain)], change);
        let local = Local::open(&folders.0).unwrap();
        let found = Image::find(&local, "", &Platform::own())
            .and_then(|image| unpack(&image, &local, &folders.0.join("root"), LIMITS));
        let told = found.expect_err("it is refused").to_string();
        assert!(told.contains(expected), "{name}: {told}");
    };
    check("size", |m| m["layers"][0]["size"] = 1.into(), "is too large");
    check("huge", |m| m["layers"][0]["size"] = (1u64 << 40).into(), "too large");
    check("count", |m| m["layers"] = json!([]), "other layers");
    check(
        "kind",
        |m| m["layers"][0]["mediaType"] = "text/plain".into(),
        "not supported: text/plain",
    );
    check("schema", |m| m["schemaVersion"] = 1.into(), "not supported");
    check("digest", |m| m["config"]["digest"] = "sha256:../../x".into(), "no digest");
    check("config", |m| m["config"] = m["layers"][0].clone(), "not supported");
}

#[test]
fn a_damaged_layer_is_refused() {
    let folders = Folders::new("damaged");
    let plain = layer(&[File("a", "x")]);
    layout(&folders.0, &[(plain.clone(), plain.clone())], |_| {});
    let blob = folders.0.join("blobs/sha256").join(Digest::of(&plain).hex());
    let mut bytes = plain.clone();
    bytes[513] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let local = Local::open(&folders.0).unwrap();
    let image = Image::find(&local, "", &Platform::own()).unwrap();
    let error = unpack(&image, &local, &folders.0.join("root"), LIMITS);
    assert!(matches!(error, Err(Error::Damaged(_))), "{error:?}");
    // Another plain form than the config says.
    let folders = Folders::new("plain");
    layout(&folders.0, &[(gzip(&plain), layer(&[File("a", "y")]))], |_| {});
    let local = Local::open(&folders.0).unwrap();
    let image = Image::find(&local, "", &Platform::own()).unwrap();
    let error = unpack(&image, &local, &folders.0.join("root"), LIMITS);
    assert!(error.expect_err("it is refused").to_string().contains("unpacks to"));
}

#[test]
fn archives_of_both_kinds() {
    let folders = Folders::new("archives");
    let plain = layer(&[File("a", "x")]);
    layout(&folders.0, &[(plain.clone(), plain.clone())], |_| {});
    let expected = Image::find(&Local::open(&folders.0).unwrap(), "", &Platform::own()).unwrap();
    let archive = folders.0.join("oci.tar");
    let mut out = Builder::new(fs::File::create(&archive).unwrap());
    for name in ["oci-layout", "index.json"] {
        out.append_path_with_name(folders.0.join(name), name).unwrap();
    }
    out.append_dir_all("./blobs", folders.0.join("blobs")).unwrap();
    out.finish().unwrap();
    let local = Local::open(&archive).unwrap();
    let found = Image::find(&local, "v1", &Platform::own()).unwrap();
    assert_eq!((found.digest, &found.layers), (expected.digest, &expected.layers));
    // As docker save wrote them once: a layer by a link, too.
    let saved = folders.0.join("docker.tar");
    let list = json!([{"Config": "c.json", "RepoTags": ["desk:v1"], "Layers": ["1/layer.tar"]}]);
    let config = json!({"architecture": Platform::own().architecture, "os": "linux",
        "rootfs": {"diff_ids": [Digest::of(&plain).to_string()]}});
    let mut out = Builder::new(fs::File::create(&saved).unwrap());
    for (name, bytes) in [
        ("manifest.json", list.to_string().into_bytes()),
        ("c.json", config.to_string().into_bytes()),
        ("2/layer.tar", plain.clone()),
    ] {
        let mut file = header(EntryType::Regular, name, "", bytes.len());
        file.set_cksum();
        out.append(&file, &bytes[..]).unwrap();
    }
    out.append(&header(EntryType::Symlink, "1/layer.tar", "../2/layer.tar", 0), &b""[..]).unwrap();
    out.finish().unwrap();
    let text = format!("docker-archive:{}:desk:v1", saved.display());
    let (local, name) = Local::locate(&text).unwrap();
    assert_eq!(name, "desk:v1");
    let image = Image::find(&local, &name, &Platform::own()).unwrap();
    unpack(&image, &local, &folders.0.join("root"), LIMITS).unwrap();
    assert_eq!(fs::read_to_string(folders.0.join("root/a")).unwrap(), "x");
    assert!(matches!(local.manifest("desk:v2"), Err(Error::Missing(_))));
    fs::write(folders.0.join("text.tar"), "no archive at all, only some text").unwrap();
    assert!(Local::open(&folders.0.join("text.tar")).is_err());
    assert!(matches!(Local::locate("oci:/nowhere:v1"), Err(Error::Missing(_))));
}
