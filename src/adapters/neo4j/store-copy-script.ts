/**
 * Copies trees of files in passes, with nothing but Perl itself, which every Debian image has. Early passes run while the source
 * is in use and their bytes are not trusted: one over everything, then up to two more over what has changed meanwhile. The last, after
 * the word to go, when nobody can write, takes what has changed since: files whose inode was touched after the early pass began (the
 * kernel sets that time at every write, and nobody can set it back; where it is another machine's, whose clock may be behind, it must also be the
 * same as then), compared block by block, so that only blocks that differ are
 * written. Holes and space that was only set aside (Neo4j's logs) are not read, and blocks of zeros stay holes. Blocks are small, so that two of
 * them lie in a core's own cache while they are compared (from 128 KiB on that took two to three times as long), and little is written for a page
 * that differs. Early passes see to it that little of what they wrote still waits for the disk when they are done: a database that is stopped
 * then, or commits, would wait for all of it (it stopped in 3 s instead of 1, with a store of 1 GiB).
 * Asked for the newest logs, it takes two of each database: the last checkpoint of a store that was stopped cleanly is in one of them.
 */
const PASSES = `
my ($from, $to, $go, $early, $logs, $lanes, $wanted, @trees) = @ARGV;
my $block = 1 << 16;
my $piece = 128;
my $settled = 64 << 20;
my $unwritten = 64 << 20;
$| = 1;
sub walk {
  my ($dir, $files, $seen) = @_;
  opendir(my $handle, "$from/$dir") or die "can not read $dir: $!\\n";
  my @names = grep { $_ ne "." && $_ ne ".." } readdir($handle);
  closedir($handle);
  if ($logs eq "newest") {
    my @old = sort { $b <=> $a } map { /^neostore\\.transaction\\.db\\.(\\d+)$/ } @names;
    splice(@old, 0, 2);
    my %old = map { ("neostore.transaction.db.$_" => 1) } @old;
    @names = grep { !$old{$_} } @names;
  }
  mkdir("$to/$dir", 0700);
  $seen->{$dir} = 1;
  for my $name (@names) {
    my $path = "$dir/$name";
    my @stat = lstat("$from/$path") or next;
    if (-d _) { walk($path, $files, $seen) }
    elsif (-f _) { push @$files, [$path, $stat[7], $stat[10]]; $seen->{$path} = 1 }
    else { die "$path is neither a file nor a directory\\n" }
  }
}
sub drop {
  my ($dir, $seen) = @_;
  opendir(my $handle, "$to/$dir") or return;
  my @names = grep { $_ ne "." && $_ ne ".." } readdir($handle);
  closedir($handle);
  for my $name (@names) {
    my $path = "$dir/$name";
    lstat("$to/$path");
    if (-d _) { drop($path, $seen); rmdir("$to/$path") unless $seen->{$path} }
    else { unlink("$to/$path") unless $seen->{$path} }
  }
}
sub same_or_write {
  my ($in, $out, $at, $fresh) = @_;
  sysseek($in, $at, 0);
  my $got = sysread($in, my $new, $block);
  defined $got or die "can not read: $!\\n";
  return (0, 0) if $got == 0;
  if ($fresh) { return ($got, 0) if $new !~ /[^\\0]/ }
  else {
    sysseek($out, $at, 0);
    sysread($out, my $old, $block);
    return ($got, 0) if defined $old && $old eq $new;
  }
  sysseek($out, $at, 0);
  my $done = 0;
  while ($done < $got) {
    my $wrote = syswrite($out, $new, $got - $done, $done);
    defined $wrote or die "can not write: $!\\n";
    $done += $wrote;
  }
  return ($got, $got);
}
sub next_data {
  my ($file, $at) = @_;
  my $data = sysseek($file, $at, 3);
  return defined $data ? $data + 0 : $! == 6 ? 9e15 : $at;
}
sub lane {
  my ($lane, $final, $work) = @_;
  my ($read, $wrote, $turn, $synced) = (0, 0, 0, 0);
  for my $one (@$work) {
    my ($path, $size, $fresh) = @$one;
    open(my $in, "<", "$from/$path") or ($final ? die "can not read $path: $!\\n" : next);
    sysopen(my $out, "$to/$path", 02) or die "can not write $path: $!\\n";
    for (my $at = 0; $at < $size; $at += $piece * $block) {
      next if $turn++ % $lanes != $lane;
      my $end = $at + $piece * $block;
      $end = $size if $end > $size;
      for (my $here = $at; $here < $end; $here += $block) {
        my $data = next_data($in, $here);
        my $old = $fresh || $data < $here + $block ? $data : next_data($out, $here);
        $data = $old if $old < $data;
        next if $data >= $here + $block;
        my ($r, $w) = same_or_write($in, $out, $here, $fresh);
        last if $r == 0;
        $read += $r; $wrote += $w;
        next if $final || $wrote - $synced < $unwritten;
        system("sync", "-d", "$to/$path");
        $synced = $wrote;
      }
    }
    close($out) or die "can not write $path: $!\\n";
  }
  print "$read $wrote\\n";
}
my %known;
sub pass {
  my ($since, $final) = @_;
  my (@files, %seen, @work);
  for my $tree (@trees) {
    my ($parent) = $tree =~ m{^(.*)/};
    mkdir("$to/$parent", 0700) if defined $parent;
    walk($tree, \\@files, \\%seen) if -d "$from/$tree";
  }
  my $total = 0;
  for my $file (@files) {
    my ($path, $size, $touched) = @$file;
    $total += $size;
    my $there = -e "$to/$path";
    my $same = defined $known{$path} && $known{$path} eq "$size $touched";
    $known{$path} = "$size $touched";
    next if $since && $there && $same && -s _ == $size && $touched < $since - 2;
    sysopen(my $out, "$to/$path", 0102, 0600) or die "can not write $path: $!\\n";
    truncate($out, $size) or die "can not write $path: $!\\n";
    close($out);
    push @work, [$path, $size, !$there];
  }
  drop($_, \\%seen) for @trees;
  my @children;
  for my $lane (0 .. $lanes - 1) {
    my $child = open(my $told, "-|");
    defined $child or die "can not fork: $!\\n";
    if ($child == 0) {
      eval { lane($lane, $final, \\@work); 1 } and exit 0;
      print STDERR $@;
      exit 1;
    }
    push @children, $told;
  }
  my ($read, $wrote, $failed) = (0, 0, 0);
  for my $told (@children) {
    my $line = <$told>;
    close($told) or $failed = 1;
    if (defined $line && $line =~ /(\\d+) (\\d+)/) { $read += $1; $wrote += $2 } else { $failed = 1 }
  }
  die "not everything could be copied\\n" if $failed;
  return "$total $read $wrote";
}
my $since = 0;
for my $turn (1 .. ($early ? 3 : 0)) {
  my $began = time();
  my $done = eval { pass($since, 0) } or last;
  print "lifeboat:early $done\\n";
  $since = $began;
  last if (split " ", $done)[2] < $settled;
}
print STDERR $@ if $@;
print "lifeboat:ready\\n";
select(undef, undef, undef, 0.005) until -e $go;
my $done = pass($since, 1);
for my $name (split " ", $wanted) {
  opendir(my $handle, "$to/databases/$name");
  grep({ $_ ne "." && $_ ne ".." } readdir($handle)) or die "there is no database $name in $to\\n";
}
print "lifeboat:copied $done\\n";
`;

/**
 * The program of a copy helper: \`sh -c SCRIPT sh DATA COPY GO EARLY LOGS DATABASES TREE…\`. It says \`lifeboat:ready\` when it waits for the
 * file GO, and \`lifeboat:copied TOTAL READ WRITTEN\` (bytes) when it is done; exit code 3 says that there is no room.
 * Every one of DATABASES must be there, in DATA and then in COPY: a snapshot that was not mounted looks like a store with nothing in it. A copy that fails is
 * removed, because the service goes on next, perhaps on a disk that only this has filled.
 * Clones where the file system can share blocks, which takes a moment at any size; else the passes; without Perl one plain copy.
 */
export const COPY_SCRIPT = `
set -u
data=$1 copy=$2 go=$3 early=$4 logs=$5 wanted=$6; shift 6
cd "$data" || exit 1
all_in() {
  for name in $wanted; do
    [ -n "$(ls -A "$1/databases/$name" 2> /dev/null)" ] || { echo "there is no database $name in $1" >&2; return 1; }
  done
}
give_up() { rm -rf "$copy"/*; exit "$1"; }
all_in "$data" || exit 1
for tree in "$@"; do [ ! -e "$tree" ] || set -- "$@" "$tree"; shift; done
rm -rf "$copy"/* && mkdir -p "$copy/databases" "$copy/transactions" || exit 1
wait_for_go() { echo lifeboat:ready; until [ -e "$go" ]; do sleep 0.01; done; }
probe=$(for tree in "$@"; do for file in "$tree"/*; do [ ! -f "$file" ] || [ ! -s "$file" ] || { echo "$file"; break 2; }; done; done)
clones=no
[ -z "$probe" ] || ! cp --reflink=always "$probe" "$copy/probe" 2> /dev/null || clones=yes
rm -f "$copy/probe"
if [ "$clones" = no ]; then
  need=$(du -skc "$@" | tail -n 1 | cut -f1)
  free=$(df -Pk "$copy" | tail -n 1 | tr -s ' ' | cut -d' ' -f4)
  [ "$free" -gt "$need" ] || { echo "lifeboat:no-room $need $free"; exit 3; }
fi
if [ "$clones" = no ] && command -v perl > /dev/null 2>&1; then
  lanes=$(nproc); [ "$lanes" -le 4 ] || lanes=4
  perl -e '${PASSES.replaceAll("'", `'"'"'`)}' "$data" "$copy" "$go" "$early" "$logs" "$lanes" "$wanted" "$@" && exit
  give_up "$?"
fi
size=$(du -skc "$@" | tail -n 1 | cut -f1)
# A clone waits until what it shares is on the disk.
[ "$early" = 0 ] || sync -f . 2> /dev/null || :
wait_for_go
for tree in "$@"; do
  if [ "$clones" = yes ]; then cp -a --reflink=always "$tree" "$copy/$tree" || give_up 1
  else cp -a --sparse=always "$tree" "$copy/$tree" || give_up 1; fi
done
all_in "$copy" || give_up 1
echo "lifeboat:copied $((size * 1024)) $((size * 1024)) $([ "$clones" = yes ] && echo 0 || echo $((size * 1024)))"
`;
