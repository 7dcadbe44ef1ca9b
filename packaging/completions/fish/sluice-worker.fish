# fish completion of sluice-worker.
complete -c sluice-worker -f
complete -c sluice-worker -l root -x -a '(__fish_complete_directories)' -d 'The directory that sluiced serves'
complete -c sluice-worker -l join -x -d 'The endpoint of sluiced --workers-listen'
complete -c sluice-worker -l threads -x -d 'Worker threads'
complete -c sluice-worker -l version -d 'Print the version and exit'
complete -c sluice-worker -s h -l help -d 'Print help and exit'
