//! Families of commands that the parser learns only when one of them is named.

use clap::builder::Resettable;
use clap::{ArgMatches, Error, FromArgMatches, Subcommand};

/// The commands below another. To learn those of all families would take longer than to start the process.
pub(crate) struct Family<T>(pub(crate) T);

/// Learns them; what the command above says about itself stays.
fn learn<T: Subcommand>(command: clap::Command) -> clap::Command {
    let about = command.get_about().cloned();
    let long_about = command.get_long_about().cloned();
    T::augment_subcommands(command)
        .about(Resettable::from(about))
        .long_about(Resettable::from(long_about))
}

impl<T: Subcommand> Subcommand for Family<T> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        command.defer(learn::<T>)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        T::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: Subcommand> FromArgMatches for Family<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use crate::root::definition;

    #[test]
    fn a_family_says_the_same_of_itself_before_and_after_it_is_learnt() {
        let (unread, mut read) = (definition(), definition());
        read.build();
        for family in unread.get_subcommands() {
            let learnt = read.find_subcommand(family.get_name()).expect("it stays");
            assert_eq!(
                family.get_about().map(ToString::to_string),
                learnt.get_about().map(ToString::to_string)
            );
        }
        let families = |command: &clap::Command| {
            let all = command.get_subcommands();
            all.filter(|family| family.get_subcommands().count() > 0).count()
        };
        assert_eq!(families(&unread), 0, "they are learnt only when they are named");
        assert!(families(&read) > 10);
    }
}
