//! Wakes the streams of nodes that have something new pending: the net under every wake-up that was lost, between two
//! replicas or because a process died right after its commit.

use crate::app::App;
use crate::wakes::Wake;
use jiff::Timestamp;
use plex_store::{Error, Tx, invocations};

/// Looks once. What is older was found already, and its stream sends it again by itself.
pub(super) async fn look(app: &App, since: Timestamp) -> Result<Timestamp, Error> {
    let read = async move |tx: &mut Tx| {
        let waiting = invocations::waiting(tx, since).await?;
        Ok::<_, Error>((tx.now(), waiting))
    };
    let (now, waiting) = app.db.read(read).await?;
    app.wakes.tell_here(Wake::Pending, &waiting);
    Ok(now)
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;
    use http_body_util::BodyExt as _;
    use plex_api::executions::ActionKind;
    use plex_api::paths;
    use plex_store::Error;
    use plex_store::executions::{self, NewExecution};
    use std::time::Duration;

    #[tokio::test]
    async fn a_stream_delivers_what_nobody_woke_it_for() {
        let app = TestApp::start().await;
        let node = app.node("a").await;
        let (_, mut stream) = node.open(&paths::node_events(node.id)).await;
        let greeting = stream.frame().await.unwrap().unwrap();
        assert_eq!(greeting.into_data().unwrap(), ":connected\n\n");
        // Its first look finds nothing.
        let nothing = tokio::time::timeout(Duration::from_millis(300), stream.frame()).await;
        assert!(nothing.is_err());
        let new = NewExecution {
            project_id: app.project_id,
            domain_id: app.domain_id,
            action: "system.info".to_owned(),
            kind: ActionKind::Builtin,
            parameters: None,
            parameters_shown: None,
            timeout_seconds: 60,
            selector: None,
            node_id: Some(node.id),
            dispatched_by: "user:somebody".to_owned(),
            excluded: Vec::new(),
        };
        // As another replica would.
        let id = node.id;
        let write = async move |tx: &mut plex_store::Tx| executions::insert(tx, &new, &[id]).await;
        let stored: Result<_, Error> = app.app.db.write(write).await;
        let id = stored.unwrap().to_string();
        let frame = tokio::time::timeout(Duration::from_secs(20), stream.frame()).await;
        let frame = frame.expect("the loop finds it").unwrap().unwrap();
        let frame = frame.into_data().unwrap();
        assert!(std::str::from_utf8(&frame).unwrap().contains(&id));
    }
}
