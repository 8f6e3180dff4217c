"""The sections of a report, one file each; a file that defines ``SECTION`` joins by being here."""
