# backup-server.pl PORT DATA: answers `KIND DATABASE SINCE` with a tar of that database's files, all of them (FULL) or those that were written
# since then (DIFF, seconds). The server stands still meanwhile, so what is sent is what a crash would leave. Perl alone, without its modules.
my ($port, $data) = @ARGV;
my $server = getppid();
socket(my $listener, 2, 1, 6) or die "socket: $!\n";
setsockopt($listener, 1, 2, pack('l', 1));
bind($listener, pack('S n C4 x8', 2, $port, 127, 0, 0, 1)) or die "bind: $!\n";
listen($listener, 5) or die "listen: $!\n";
chdir($data) or die "chdir: $!\n";
while (accept(my $client, $listener)) {
  my ($kind, $database, $since) = split ' ', <$client>;
  my @trees = grep { -d $_ } ("databases/$database", "transactions/$database");
  if (@trees) {
    my @newer = $kind eq 'DIFF' ? ('-newermt', '@' . $since) : ();
    kill 'STOP', $server;
    my $files = "/tmp/backup-$$";
    system('sh', '-c', 'to=$1; shift; find "$@" -type f ! -name database_lock -print0 | tar --null -T - -cf "$to"', 'sh', $files, @trees, @newer);
    kill 'CONT', $server;
    open(my $tar, '<', $files) or die "open: $!\n";
    while (sysread($tar, my $bytes, 1 << 20)) {
      my $sent = 0;
      while ($sent < length $bytes) { $sent += syswrite($client, $bytes, length($bytes) - $sent, $sent) // last }
    }
    close($tar);
    unlink($files);
  }
  close($client);
}
