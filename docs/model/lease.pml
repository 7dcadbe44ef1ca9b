/* Lease and fencing on one path: clients, workers, lock actor, publisher, and a machine that dies.
 * A process may stop before any of its steps for as long as it likes: that is what a pause is here,
 * and also a slow network and a deep queue. Times are not counted: a lease may end at any moment,
 * but the holder's clock says so before the server's does. scripts/model runs it; README.md beside
 * it says which part of Sluice each process stands for, and what is left out.
 *
 * -D...  CLIENTS, ROUNDS (sections or plain changes of each client), WORKERS, CRASHES, POWER (a crash
 *        may be a loss of power), WAIT_FOR_DISK (a grant is answered when the journal is synced),
 *        REPEATS (a change that the broker gives out once more), PLAIN (changes without a lock)
 * Faults, each of which must be found: see scripts/model.
 */
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef POWER
#define POWER false
#endif
#ifndef REPEATS
#define REPEATS 0
#endif
/* Numbers that the log makes safe at once. */
#define BLOCK 2
/* Records between two syncs; each section makes two. */
#define JOURNAL (4 * CLIENTS * ROUNDS)

/* The properties, by number; scripts/model has them in words. */
#define CHECK(number, holds) assert((holds) || (number == 0))

mtype = { nothing, acquire, release, granted, released, done, refused, idle, appended, synced }

/* --- what is under way: at most one request of each client, and one answer --- */
mtype asks[CLIENTS] = nothing;
byte asks_round[CLIENTS], asks_number[CLIENTS];
mtype hears[CLIENTS] = nothing;
byte hears_number[CLIENTS];
/* The connection has broken: what was asked has to be asked again. */
bool lost[CLIENTS];
/* A change that its client waits for, and how often a worker may still take it. */
bool wants[CLIENTS];
byte wants_token[CLIENTS], wants_request[CLIENTS], offers[CLIENTS];
byte repeats = REPEATS;

/* --- what clients may rely on --- */
/* The lock that the client thinks it has, and whether its own clock says that the lease is over. */
byte believes[CLIENTS];
bool out[CLIENTS];
bool waits[CLIENTS];

/* --- workers --- */
/* What each has in hand, until its commit is at the lock actor. */
typedef Job { bool taken; byte owner; byte token; byte request }
Job job[WORKERS];

/* --- lock actor --- */
byte holder, held, held_round;
bool ending;
bool end_waits; /* for the disk */
/* Commits at the publisher: under the lock that is held, and without one. */
byte under_way, plain;
chan queue = [CLIENTS] of { byte, byte };
byte queued; /* clients in it, as bits */
byte next_number = 1;
byte owed[CLIENTS];
byte at_publisher; /* requests, as bits */

/* --- publisher --- */
chan to_publisher = [CLIENTS] of { byte, byte, byte, byte };
mtype stage = idle;
byte its_client, its_request, its_token, its_number;

/* --- the disk --- */
byte reserved; /* numbers up to here are safe */
byte done_requests, last_number, last_token; /* the log: what is effective, the last change */
byte journal[JOURNAL]; /* of the lock: what is synced, and what was written after it */
byte journal_last;

/* --- what has happened, for the properties --- */
byte last_given;  /* number */
byte newest;      /* the last lock given */
byte acknowledged; /* requests */

#define other_believes(c)                                                                  \
  ((c != 0 && believes[0] != 0 && !out[0]) || (c != 1 && believes[1] != 0 && !out[1]) ||   \
   (CLIENTS > 2 && c != CLIENTS - 1 && believes[CLIENTS - 1] != 0 && !out[CLIENTS - 1]))
/* Without waiting for the disk a loss of power may take a grant back that is believed in. */
#ifdef WAIT_FOR_DISK
#define exclusive(c) (!other_believes(c))
#else
#define exclusive(c) (POWER || !other_believes(c))
#endif

inline draw(number) {
  number = next_number;
  next_number++;
  CHECK(2, number > last_given);
  last_given = number
}

inline write_journal() {
#ifdef JOURNAL_AFTER_SEND
  skip
#else
  journal_last++;
  journal[journal_last] = (held != 0 && !ending -> (held << 3) | (holder << 1) | held_round : 0)
#endif
}

inline sync_journal() {
  journal[0] = journal[journal_last];
  for (i : 1 .. JOURNAL - 1) { journal[i] = 0 }
  journal_last = 0
}

/* Taken from its holder, who does not know: in others' way until that is on the disk. */
inline take_away() {
#ifdef END_NOT_ON_DISK
  end_lock()
#else
  ending = true;
  end_waits = true;
  write_journal()
#endif
}

inline end_lock() {
  if
#ifdef GRANT_OVER_COMMIT
  :: true -> held = 0; under_way = 0
#else
  :: under_way == 0 -> held = 0
  :: else -> ending = true
#endif
  fi;
  write_journal();
  if
  :: held == 0 -> holder = 0; held_round = 0
  :: else
  fi
}

inline answer(whom, what, number) {
  hears[whom] = what;
  hears_number[whom] = number
}

inline answer_change(whom, which, what) {
  if
  :: wants[whom] && wants_request[whom] == which ->
     wants[whom] = false;
     wants_token[whom] = 0;
     wants_request[whom] = 0;
     offers[whom] = 0;
     answer(whom, what, 0)
  :: else
  fi
}

/* A change can be seen from here on, and nothing takes it back. */
inline take_effect() {
  CHECK(5, (done_requests & (1 << its_request)) == 0);
  if
  :: its_token != 0 ->
     CHECK(1, its_token == newest);
     CHECK(1, last_number < its_token || last_token == its_token)
  :: else ->
     CHECK(1, held == 0 || ending)
  fi;
  done_requests = done_requests | (1 << its_request);
  last_number = its_number;
  last_token = its_token
}

inline forget_record() {
  stage = idle;
  its_client = 0;
  its_request = 0;
  its_token = 0;
  its_number = 0
}

/* ------------------------------------------------------------------------- clients */

inline ask(what, number) {
  atomic {
    asks[me] = what;
    asks_round[me] = round;
    asks_number[me] = number;
    lost[me] = false
  }
}

inline ask_for_change(token) {
  atomic {
    wants[me] = true;
    wants_token[me] = token;
    wants_request[me] = me * ROUNDS + round;
    offers[me] = 1;
    lost[me] = false
  }
}

inline change(token) {
  ask_for_change(token);
  do
  :: atomic { hears[me] != nothing -> break }
  :: lost[me] -> ask_for_change(token)
  od;
  atomic {
    if
    :: hears[me] == done -> acknowledged = acknowledged | (1 << (me * ROUNDS + round))
    :: else -> believes[me] = 0
    fi;
    hears[me] = nothing
  }
}

proctype client(byte me) {
  byte round, number;
  do
  :: round == ROUNDS -> break
#ifdef PLAIN
  :: round < ROUNDS ->
     change(0);
     round++
#endif
  :: round < ROUNDS ->
     /* Some die while they wait; those do not count as waiting. */
     if
     :: waits[me] = true
     :: skip
     fi;
     ask(acquire, 0);
     do
     :: atomic { hears[me] == granted -> break }
     :: atomic { lost[me] -> ask(acquire, 0) }
     :: atomic { hears[me] == nothing && !waits[me] -> goto dead }
     od;
     atomic {
       number = hears_number[me];
       answer(me, nothing, 0);
       waits[me] = false;
       if
       :: !out[me] -> CHECK(4, exclusive(me)); believes[me] = number
       :: else
       fi
     };
     change(number);
     if
     :: atomic { believes[me] = 0; goto dead }
     :: believes[me] = 0
     :: atomic { believes[me] = 0; ask(release, number) };
        do
        :: atomic { hears[me] != nothing -> break }
        :: atomic { lost[me] -> ask(release, number) }
        od;
        hears[me] = nothing
     fi;
     atomic { number = 0; round++ }
  od;
dead:
  skip
}

/* ------------------------------------------------------------------------- workers */

#define is_given(c) (wants[c] && offers[c] == 0)
/* The broker takes a worker for dead and gives its job to another. */
proctype broker() {
end:
  do
  :: atomic { repeats > 0 && is_given(0) -> offers[0] = 1; repeats-- }
  :: atomic { repeats > 0 && is_given(1) -> offers[1] = 1; repeats-- }
  :: atomic { repeats > 0 && is_given(CLIENTS - 1) -> offers[CLIENTS - 1] = 1; repeats-- }
  od
}

/* --------------------------------------------------------------------- lock actor */
/* Its steps are atomic, so that each kind of message may be a process of its own. */

proctype lock_requests(byte me) {
end:
  do
  :: atomic {
       asks[me] == acquire ->
       if
       :: held != 0 && !ending && holder == me && held_round == asks_round[me] && owed[me] == 0 ->
          answer(me, granted, held)
       :: held != 0 && !ending && holder == me && held_round == asks_round[me] && owed[me] != 0
       :: else ->
          if
          :: queued & (1 << me)
          :: else -> queue!me, asks_round[me]; queued = queued | (1 << me)
          fi
       fi;
       asks[me] = nothing;
       asks_round[me] = 0
     }
  :: atomic {
       asks[me] == release ->
       answer(me, released, 0);
       if
       :: held == asks_number[me] && !ending -> end_lock()
       :: else
       fi;
       asks[me] = nothing;
       asks_round[me] = 0;
       asks_number[me] = 0
     }
  od
}

#ifdef FORGET_TO_WAKE
/* Only who finds it free is granted. */
#define is_free (held == 0 && plain == 0 && newest == 0)
#else
#ifdef SKIP_CHECK
#define is_free (held == 0 && plain == 0 && under_way == 0)
#else
#ifdef GRANT_OVER_HOLDER
#define is_free (plain == 0 && under_way == 0)
#else
#ifdef GRANT_OVER_COMMIT
#define is_free (held == 0)
#else
#define is_free (held == 0 && plain == 0)
#endif
#endif
#endif
#endif

proctype lock_grants() {
  byte to, its_round;
end:
  do
  :: atomic {
       is_free && nempty(queue) && next_number <= reserved ->
       queue?to, its_round;
       queued = queued & ~(1 << to);
       CHECK(3, stage == idle && len(to_publisher) == 0);
       CHECK(4, exclusive(to));
       draw(held);
       holder = to;
       held_round = its_round;
       ending = false;
       out[to] = false;
       newest = held;
       write_journal();
#ifdef WAIT_FOR_DISK
       owed[to] = held;
#else
       answer(to, granted, held);
#endif
       to = 0;
       its_round = 0
     }
  od
}

inline take_job(whose) {
  offers[whose]--;
  job[me].taken = true;
  job[me].owner = whose;
  job[me].token = wants_token[whose];
  job[me].request = wants_request[whose]
}

inline drop_job(which) {
  job[which].taken = false;
  job[which].owner = 0;
  job[which].token = 0;
  job[which].request = 0
}

#define arrived (1 << job[me].request)
#ifdef SKIP_CHECK
#define is_good_token true
#else
#define is_good_token (job[me].token == held && !ending)
#endif
#ifdef REPEAT_ANEW
#define is_done false
#else
#define is_done (done_requests & arrived)
#endif

/* A worker, and what the lock actor does with its commit. It may be long on its way. */
proctype worker(byte me) {
  byte number;
end:
  do
  :: atomic { !job[me].taken && offers[0] > 0 -> take_job(0) }
  :: atomic { !job[me].taken && offers[1] > 0 -> take_job(1) }
#if CLIENTS > 2
  :: atomic { !job[me].taken && offers[2] > 0 -> take_job(2) }
#endif
  :: atomic {
       job[me].taken && next_number <= reserved && nfull(to_publisher) ->
       if
       :: at_publisher & arrived
       :: !(at_publisher & arrived) && is_done -> answer_change(job[me].owner, job[me].request, done)
       :: else ->
          if
          :: job[me].token != 0 && is_good_token -> under_way++; draw(number)
          :: job[me].token == 0 && held == 0 && queued == 0 -> plain++; draw(number)
          :: else -> answer_change(job[me].owner, job[me].request, refused)
          fi
       fi;
       if
       :: number != 0 ->
          at_publisher = at_publisher | arrived;
          to_publisher!job[me].owner, job[me].request, job[me].token, number;
          number = 0
       :: else
       fi;
       drop_job(me)
     }
  od
}

/* The holder's lease ends by its own clock first: that runs from when it last sent something, the
 * server's from when it got it. A paused holder is in time until then; a paused server gives grace. */
proctype time() {
end:
  do
#ifndef NEVER_EXPIRE
  :: held != 0 && !out[holder] -> out[holder] = true
#endif
#ifdef EXPIRE_EARLY
  :: atomic { held != 0 && !ending -> take_away() }
#else
  :: atomic { held != 0 && !ending && out[holder] -> take_away() }
#endif
  od
}

/* ---------------------------------------------------------------------- publisher */

proctype publisher() {
end:
  do
  :: atomic {
       stage == idle && nempty(to_publisher) ->
       to_publisher?its_client, its_request, its_token, its_number;
       stage = appended;
#ifdef ANSWER_BEFORE_SYNC
       answer_change(its_client, its_request, done)
#endif
     }
  :: atomic { stage == appended -> take_effect(); stage = synced }
  :: atomic {
       stage == synced ->
       at_publisher = at_publisher & ~(1 << its_request);
       if
       :: its_token == 0 -> plain--
#ifdef SKIP_CHECK
       :: its_token != 0 && its_token != held -> under_way--
#endif
       :: its_token != 0 && its_token == held && under_way > 0 ->
          under_way--;
          if
          :: under_way == 0 && ending && !end_waits ->
             held = 0; ending = false; holder = 0; held_round = 0
          :: else
          fi
       :: else
       fi;
       answer_change(its_client, its_request, done);
       forget_record()
     }
  :: atomic { next_number > reserved -> reserved = reserved + BLOCK }
  od
}

proctype journal_writer() {
  byte i;
end:
  do
  :: atomic {
       journal_last > 0 ->
       sync_journal();
       end_waits = false;
       if
#ifdef GRANT_OVER_COMMIT
       :: ending -> held = 0; ending = false; holder = 0; held_round = 0; under_way = 0
#else
       :: under_way == 0 && ending -> held = 0; ending = false; holder = 0; held_round = 0
#endif
       :: else
       fi;
       for (i : 0 .. CLIENTS - 1) {
         if
         :: owed[i] != 0 -> answer(i, granted, owed[i]); owed[i] = 0
         :: else
         fi
       };
       i = 0
     }
#ifdef JOURNAL_AFTER_SEND
  :: atomic {
       (end_waits && journal_last == 0) || journal[journal_last] !=
           (held != 0 && !ending -> (held << 3) | (holder << 1) | held_round : 0) ->
       journal_last++;
       journal[journal_last] = (held != 0 && !ending -> (held << 3) | (holder << 1) | held_round : 0)
     }
#endif
  od
}

/* ------------------------------------------------------------ the machine, and its end */

inline recover_log() {
  if
  :: stage == appended && !power -> take_effect()
  :: stage == appended && power -> take_effect()
  :: stage == appended && power -> skip
  :: stage != appended
  fi;
  CHECK(6, (acknowledged & ~done_requests) == 0);
  forget_record();
  at_publisher = 0;
  do
  :: nempty(to_publisher) -> to_publisher?_, _, _, _
  :: empty(to_publisher) -> break
  od
}

inline forget_locks() {
  held = 0;
  holder = 0;
  held_round = 0;
  ending = false;
  end_waits = false;
  under_way = 0;
  plain = 0;
  queued = 0;
  do
  :: nempty(queue) -> queue?_, _
  :: empty(queue) -> break
  od;
  for (i : 0 .. CLIENTS - 1) {
    asks[i] = nothing;
    asks_round[i] = 0;
    asks_number[i] = 0;
    answer(i, nothing, 0);
    owed[i] = 0;
    wants[i] = false;
    wants_token[i] = 0;
    wants_request[i] = 0;
    offers[i] = 0;
    lost[i] = true
  };
  for (i : 0 .. WORKERS - 1) {
    if
    :: drop_job(i)
    :: skip /* Not sent yet: it wakes, and sends it to the next server. */
    fi
  }
}

/* Whoever held a lock holds it again, for one lease more. */
inline recover_locks() {
  if
  :: power -> /* Some of what was not synced is lost, the last of it first. */
     do
     :: journal_last > 0 -> journal[journal_last] = 0; journal_last--
     :: break
     od
  :: else
  fi;
  sync_journal();
#ifndef FORGET_JOURNAL
  held = journal[0] >> 3;
  holder = (journal[0] >> 1) & 3;
  held_round = journal[0] & 1;
#endif
  if
  :: power -> newest = held
  :: else
  fi
}

proctype fate() {
  byte i, crashes;
  bool power;
end:
  do
  :: atomic {
       crashes < CRASHES ->
       crashes++;
       if
       :: power = false
       :: POWER -> power = true
       fi;
       recover_log();
       forget_locks();
       recover_locks();
#ifdef REUSE_NUMBERS
       next_number = 1;
#else
       next_number = reserved + 1;
#endif
       power = false;
       i = 0
     }
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. CLIENTS - 1) { run client(i); run lock_requests(i) };
    for (i : 0 .. WORKERS - 1) { run worker(i) };
    run lock_grants();
    run time();
    run publisher();
    run journal_writer();
    if
    :: REPEATS > 0 -> run broker()
    :: else
    fi;
    if
    :: CRASHES > 0 -> run fate()
    :: else
    fi
  }
}

#ifdef LIVENESS
/* Whoever waits for the lock has it one day, or dies. */
ltl served { [] (waits[0] -> <> !waits[0]) && [] (waits[1] -> <> !waits[1]) &&
             [] (waits[CLIENTS - 1] -> <> !waits[CLIENTS - 1]) }
#endif
