# What scripts/compare-peers is made of: servers (started, measured, ended), tables, and the two
# comparisons, locks and transfers.
