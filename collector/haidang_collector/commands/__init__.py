"""The subcommands of `haidang`, one file each."""
