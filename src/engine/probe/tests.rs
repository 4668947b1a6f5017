//! What is decided from the answers of real programs.

use snapbox::{assert_data_eq, str};

use super::*;

fn text(text: &str) -> Answer {
    Answer::Text(text.into())
}

fn halves(client: &str, server: &str) -> Answer {
    text(&format!("{{\"Client\":{{\"Version\":\"{client}\"}},\"Server\":{{\"Version\":\"{server}\"}}}}"))
}

fn inspected(driver: &str, buildkit: &str) -> Answer {
    text(&format!("Name:   x\nDriver: {driver}\n\nNodes:\nName:             x0\n{buildkit}\nPlatforms: linux/amd64\n"))
}

/// Debian's dockerd 26.1.5 with the containerd store and buildx 0.13.1.
fn current() -> Facts {
    Facts {
        docker: halves("26.1.5+dfsg1", "26.1.5+dfsg1"),
        buildx: text("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n"),
        builder: inspected("docker", "BuildKit version: v0.0.0+unknown"),
        store: text("[[\"driver-type\",\"io.containerd.snapshotter.v1\"]] 4a5b-6c\n"),
        ..Facts::default()
    }
}

fn without_buildx(facts: Facts) -> Facts {
    let said = "docker: 'buildx' is not a docker command.\nSee 'docker --help'";
    Facts { buildx: Answer::Failed(said.into()), builder: Answer::Failed(said.into()), ..facts }
}

fn old() -> Facts {
    Facts {
        docker: halves("20.10.24+dfsg1", "20.10.24+dfsg1"),
        builder: inspected("docker", "BuildKit version: v0.8+unknown"),
        store: text("[[\"Backing Filesystem\",\"extfs\"],[\"Supports d_type\",\"true\"]]"),
        ..current()
    }
}

#[test]
fn buildx_is_preferred_and_merges_in_the_containerd_store() {
    let found = decide(Choice::Auto, &current()).unwrap();
    let expected = Found {
        engine: Engine::Buildx,
        version: "dockerd 26.1.5+dfsg1".into(),
        driver: "docker".into(),
        format: Format::RawJson,
        merges: true,
        identity: "4a5b-6c".into(),
        store: true,
    };
    assert_eq!(found, expected);
    assert_eq!(decide(Choice::Only(Engine::Docker), &current()).unwrap().engine, Engine::Docker);
}

#[test]
fn one_answer_of_a_current_client_is_enough() {
    let info = r#"{"ID":"4a5b-6c","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"ServerVersion":"26.1.5+dfsg1",
        "ClientInfo":{"Version":"26.1.5+dfsg1","Plugins":[{"Name":"buildx","Version":"0.13.1+ds1"}],"Warnings":null}}"#;
    let asked = Facts { info: text(info), builder: current().builder, ..Facts::default() };
    assert!(says_all(&asked.info));
    for choice in [Choice::Auto, Choice::Only(Engine::Docker)] {
        assert_eq!(decide(choice, &asked), decide(choice, &current()));
    }
    let own = Facts { builder: Answer::NoProgram, own: true, ..asked.clone() };
    assert_eq!(decide(Choice::Auto, &own), decide(Choice::Auto, &current()));
    let graph = Facts { info: text(&info.replace("io.containerd.snapshotter.v1", "overlay2")), ..asked.clone() };
    assert!(!decide(Choice::Auto, &graph).unwrap().merges);
    let alone = Facts { info: text(&info.replace("buildx", "compose")), ..asked };
    assert_eq!(
        decide(Choice::Only(Engine::Docker), &alone),
        decide(Choice::Only(Engine::Docker), &without_buildx(current()))
    );
}

#[test]
fn a_graph_driver_does_not_merge_and_a_container_does() {
    let graph = Facts { store: old().store, ..current() };
    let found = decide(Choice::Auto, &graph).unwrap();
    assert_eq!((found.merges, found.identity.as_str()), (false, ""), "a daemon that names itself not");
    let container = Facts { builder: inspected("docker-container", "BuildKit version: v0.32.2"), ..graph };
    let found = decide(Choice::Auto, &container).unwrap();
    assert_eq!((found.merges, found.version.as_str(), &*found.identity), (true, "BuildKit v0.32.2", "x"));
}

#[test]
fn a_remote_builder_needs_no_dockerd_and_one_that_sleeps_is_taken() {
    let no_server = Answer::Failed("Cannot connect".into());
    let remote = Facts { docker: no_server.clone(), builder: inspected("remote", "Buildkit: v0.12.5"), ..current() };
    assert_eq!(decide(Choice::Auto, &remote).unwrap().driver, "remote");
    let asleep = Facts { docker: no_server, builder: inspected("docker-container", "Status: inactive"), ..current() };
    assert_eq!(decide(Choice::Auto, &asleep).unwrap().version, "BuildKit");
}

#[test]
fn an_old_client_without_buildx_builds_with_a_new_dockerd() {
    let facts = without_buildx(Facts { docker: halves("20.10.24", "26.1.5"), ..current() });
    let found = decide(Choice::Auto, &facts).unwrap();
    assert_eq!((found.engine, found.format), (Engine::Docker, Format::Plain));
}

#[test]
fn an_old_dockerd_is_refused_with_what_it_lacks_through_either_client() {
    for facts in [old(), without_buildx(old())] {
        assert_data_eq!(
            decide(Choice::Auto, &facts).unwrap_err().to_string(),
            str!["dockerd 20.10.24+dfsg1 is too old: it lacks `COPY --link`, `RUN --network`, `heredocs`"]
        );
    }
    let builder = inspected("docker-container", "BuildKit version: v0.9.3");
    let error = decide(Choice::Auto, &Facts { builder, ..current() }).unwrap_err();
    assert_data_eq!(error.to_string(), str!["BuildKit v0.9.3 is too old: it lacks `COPY --link`, `heredocs`"]);
}

#[test]
fn a_new_client_without_buildx_cannot_build() {
    assert_data_eq!(
        decide(Choice::Auto, &without_buildx(current())).unwrap_err().to_string(),
        str![[r#"
no engine to build with
  `docker buildx`: `docker` has no plugin `buildx`
  `docker build`: the client 26.1.5+dfsg1 needs the plugin `buildx` to use BuildKit
  `buildctl`: no `buildctl` in PATH
"#]]
    );
}

#[test]
fn a_dockerd_that_does_not_answer_is_named_for_each_engine() {
    let said = "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?";
    let builder = text(&format!("Name:          default\nDriver:        \nError:         {said}\n"));
    let facts = Facts { docker: Answer::Failed(said.into()), builder, ..current() };
    assert_data_eq!(
        decide(Choice::Auto, &facts).unwrap_err().to_string(),
        str![[r#"
no engine to build with
  `docker buildx`: no answer: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?
  `docker build`: no answer: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?
  `buildctl`: no `buildctl` in PATH
"#]]
    );
}

#[test]
fn without_docker_each_engine_says_so() {
    let facts = Facts::default();
    let looked = |engine| Looked { engine, found: Unusable::NoDocker };
    let both = || vec![looked(Engine::Buildx), looked(Engine::Docker)];
    assert_eq!(decide(Choice::WithStore, &facts), Err(NoEngine::NotFound { looked: both() }));
    let buildctl = Looked { engine: Engine::Buildctl, found: Unusable::NoBuildctl };
    let all = both().into_iter().chain([buildctl]).collect();
    assert_eq!(decide(Choice::Auto, &facts), Err(NoEngine::NotFound { looked: all }));
    let one = vec![looked(Engine::Docker)];
    assert_eq!(decide(Choice::Only(Engine::Docker), &facts), Err(NoEngine::NotFound { looked: one }));
}

#[test]
fn what_only_calls_itself_buildx_is_not_taken_and_an_old_buildx_talks_plainly() {
    let with = |version: &str| decide(Choice::Only(Engine::Buildx), &Facts { buildx: text(version), ..current() });
    assert!(with("buildah 1.28.2").is_err());
    assert_eq!(with("github.com/docker/buildx v0.12.1 3061").unwrap().format, Format::Plain);
    assert_eq!(with("github.com/docker/buildx 0e1ba4d 0e1b").unwrap().format, Format::RawJson);
    let Err(NoEngine::NotFound { looked }) = with("github.com/docker/buildx v0.9.1 ed00") else { panic!() };
    assert_eq!(looked[0].found.to_string(), "buildx v0.9.1 is older than 0.10");
}
const WORKERS: &str = "ID:\t\t59nwdy6r6\nPlatforms:\tlinux/amd64\nBuildKit:\tgithub.com/moby/buildkit v0.25.2 1234\nLabels:\n\
    \torg.mobyproject.buildkit.worker.executor:\toci\n";

fn by_buildctl(workers: &str) -> Facts {
    let buildctl = text("buildctl github.com/moby/buildkit v0.25.2 1234\n");
    Facts { buildctl, workers: text(workers), ..Facts::default() }
}

#[test]
fn buildctl_is_taken_where_no_docker_can_build() {
    let expected = Found {
        engine: Engine::Buildctl,
        version: "BuildKit v0.25.2".into(),
        driver: "buildctl".into(),
        format: Format::RawJson,
        merges: true,
        identity: "59nwdy6r6".into(),
        store: false,
    };
    let alone = by_buildctl(WORKERS);
    assert_eq!(decide(Choice::Auto, &alone), Ok(expected));
    let beside = |docker: Facts| Facts { buildctl: alone.buildctl.clone(), workers: alone.workers.clone(), ..docker };
    let chosen = |docker: Facts| decide(Choice::Auto, &beside(docker)).unwrap().engine;
    assert_eq!(chosen(current()), Engine::Buildx);
    assert_eq!([chosen(old()), chosen(without_buildx(current()))], [Engine::Buildctl; 2]);
    assert!(decide(Choice::WithStore, &alone).is_err(), "containers are started from no cache");
}

#[test]
fn a_buildkitd_that_is_old_or_does_not_answer_is_refused_and_an_old_buildctl_talks_plainly() {
    let old = by_buildctl(&WORKERS.replace("v0.25.2", "v0.9.3"));
    assert!(matches!(decide(Choice::Auto, &old), Err(NoEngine::TooOld { .. })));
    let silent = Facts { workers: Answer::Failed("error: no such file\n".into()), ..by_buildctl("") };
    assert_data_eq!(
        decide(Choice::Only(Engine::Buildctl), &silent).unwrap_err().to_string(),
        str![[r#"
no engine to build with
  `buildctl`: no answer: error: no such file
"#]]
    );
    let plain = Facts { buildctl: text("buildctl github.com/moby/buildkit v0.12.5 x"), ..by_buildctl(WORKERS) };
    assert_eq!(decide(Choice::Auto, &plain).unwrap().format, Format::Plain);
}

#[test]
fn a_dockerd_behind_buildctl_merges_in_the_containerd_store() {
    let moby = "ID:\tx\nBuildKit:\t  \nLabels:\n\torg.mobyproject.buildkit.worker.moby.host-gateway-ip:\t172.17.0.1\n";
    let merges = |workers: &str| {
        let found = decide(Choice::Auto, &by_buildctl(workers)).unwrap();
        (found.merges, found.version)
    };
    assert_eq!(merges(moby), (false, "BuildKit".to_owned()));
    let containerd = format!("{moby}\torg.mobyproject.buildkit.worker.snapshotter:\toverlayfs\n");
    assert_eq!(merges(&containerd), (true, "BuildKit".to_owned()));
}
