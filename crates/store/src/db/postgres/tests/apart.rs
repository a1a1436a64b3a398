//! Reports have a connection of their own: whatever became of the others, they are stored.

use super::*;
use crate::db::job::Question;
use crate::db::postgres::{LOOK_UPS, QUESTIONS, readers};
use futures_util::FutureExt as _;

/// Where jobs get stuck until it is closed.
#[derive(Clone)]
struct Mud {
    entered: Arc<Semaphore>,
    way_out: Arc<Semaphore>,
}

impl Mud {
    fn new() -> Self {
        let [entered, way_out] = [0, 0].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { entered, way_out }
    }

    async fn enter(&self) -> Result<(), Error> {
        self.entered.add_permits(1);
        let _ = self.way_out.acquire().await;
        Ok(())
    }

    fn question(self) -> impl Question<(), Error> + Clone {
        move |_| async move { self.enter().await }.boxed()
    }

    /// Sends one in by some way.
    fn send(&self, db: &Db, by: By) {
        let (db, mud) = (db.clone(), self.clone());
        tokio::spawn(async move {
            match by {
                By::Write => db.write(async move |_| mud.enter().await).await,
                By::Read => db.read(async move |_| mud.enter().await).await,
                By::LookUp => db.look_up(mud.question()).await,
                By::Question => db.read_committed(mud.question()).await,
            }
        });
    }
}

/// How the database is used, but for reports.
#[derive(Clone, Copy)]
enum By {
    Write,
    Read,
    LookUp,
    Question,
}

impl By {
    const ALL: [Self; 4] = [Self::Write, Self::Read, Self::LookUp, Self::Question];

    /// How many can be under way at once.
    fn places(self) -> usize {
        match self {
            Self::Write => 1,
            Self::Read => readers::THREADS * readers::CONNECTIONS,
            Self::LookUp => LOOK_UPS.0 * LOOK_UPS.1,
            Self::Question => QUESTIONS.0 * QUESTIONS.1,
        }
    }
}

#[tokio::test]
async fn a_report_is_stored_while_all_who_write_and_read_are_stuck() {
    let Some(place) = Place::new().await else { return };
    let db = place.open();
    let (execution_id, nodes) = dispatched(&db).await;
    let mud = Mud::new();
    for by in By::ALL {
        (0..by.places()).for_each(|_| mud.send(&db, by));
        let places = u32::try_from(by.places()).unwrap();
        soon(mud.entered.acquire_many(places)).await.unwrap().forget();
        // One more has to wait.
        mud.send(&db, by);
    }
    let reported = db.report(async move |tx| {
        let reports = [report(execution_id, nodes[0], (ExecutionStatus::Ack, 1))];
        invocations::advance(tx, &reports).await
    });
    // It waits for none of them.
    let (_, events) = soon(reported).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(mud.entered.available_permits(), 0, "all places were taken");
    mud.way_out.close();
}
