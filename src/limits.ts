/**
 * Every bound in the program: its value, its unit (in the name), its reason.
 * Those a user may change have an option of the same meaning; the others are here to be read.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

// --- what a client may send -------------------------------------------------------------------------------

/** Request line and header fields together. Node's default is 16 KiB; long cookies and `git` fit in 32. */
export const requestHeadBytesMax = 32 * KIB;
/** From the connection's first byte to the end of the head: a client that drips is not kept longer. */
export const requestHeadMs = 30_000;
/** A kept connection with nothing on it. A person reading a page comes back within seconds or not soon. */
export const keepAliveMs = 5_000;
/** `--max-body`. 1 GiB: a big `git push`, a CD image; a mistake beyond that should be told, not spooled. */
export const bodyBytesMax = 1024 * MIB;
/** No byte of an announced body for so long: 408. */
export const bodyIdleMs = 60_000;
/** A chunked body up to this size is kept in memory, beyond it in a temporary file. */
export const spoolMemoryBytes = 64 * KIB;
/** What is still read of an upload nobody wanted, so that the client sees the answer and not a reset. */
export const lingerBytesMax = 64 * MIB;
/** How long that reading may take. */
export const lingerMs = 5_000;
/** Pipelined requests waiting on one connection before its socket is no longer read. */
export const pipelinedMax = 32;
/** A client that has sent FIN has left, or has only said all (`socat`, `nc -N`): the first write will tell, waited for so long. */
export const halfClosedMs = 2_000;
/** A client that takes nothing of its answer for so long has left. */
export const clientStallMs = 60_000;
/** Decoded path, in bytes. Longer ones exist only in attacks, and a file name has 255. */
export const pathBytesMax = 4 * KIB;
/** Failed logins looked up at once are not bounded; verified ones remembered are, so that bcrypt is paid once. */
export const verifiedLoginsKept = 256;

// --- what a script may print --------------------------------------------------------------------------------

/** RFC 3875 sets no bound for the header block. lighttpd and uWSGI take 64 KiB. */
export const replyHeadBytesMax = 64 * KIB;
/** Header lines in that block. */
export const replyHeadLinesMax = 200;
/** RFC 3875 §6.2.2 sets no depth for local redirects; Apache stops at 10. */
export const redirectsMax = 10;
/** One line of stderr in the log; the rest of the line is dropped and counted. */
export const stderrLineBytesMax = 8 * KIB;
/** stderr of one request that reaches the log; beyond it bytes are counted, not printed. */
export const stderrLogBytesMax = 256 * KIB;
/** The end of stderr kept as evidence for a failure page. */
export const stderrKeptBytes = 4 * KIB;
/** From here on a piece's memory is given back as soon as it is written (spent.ts); for a smaller one that costs more than it frees. */
export const spentBytesMin = 16 * KIB;
/** Of an answer that its client has not taken yet, so much is read ahead from the script; then the script waits. */
export const sendAheadBytesMax = 256 * KIB;
/** What an answer holds back until the event loop's turn ends, to send it in one write. A pipe holds as much. */
export const heldBytesMax = 64 * KIB;
/** The start of stdout kept as evidence for a failure page. */
export const outputKeptBytes = 512;

/**
 * A pipe with much to carry gets so much room in place of Linux's 64 KiB: fewer turns between script and server. 64 children with two
 * such pipes hold half of what the system grants one user.
 */
export const widePipeBytes = 256 * KIB;

// --- how long a process may take -----------------------------------------------------------------------------

/** `--header-timeout`: exec to the blank line. */
export const headerMs = 30_000;
/** `--idle-timeout`: silence between two pieces of output while the client would take more. */
export const idleMs = 60_000;
/** `--timeout`: the whole request; 0 is none, because a stream may rightly be endless. */
export const totalMs = 0;
/** The script takes nothing of its stdin for so long, and has not answered. */
export const stdinMs = 60_000;
/** Between TERM and KILL. */
export const killGraceMs = 2_000;
/** The leader has exited, a grandchild still holds stdout: the response ends after so much silence. */
export const orphanLingerMs = 250;
/** A line that is no header came first: later output may show why, and is waited for so long. */
export const refusedLingerMs = 1_000;
/** A script that runs longer than this gets a stream for its stderr; for the others one look at the end is enough. */
export const errorsLookMs = 10;
/** A SIGCHLD can be lost; all children are asked so often whether they still live. */
export const lostChildMs = 1_000;
/** After the exit, stderr that a grandchild may hold open is read for so long. */
export const stderrLingerMs = 100;
/** stdout is at its end, the leader still runs: its exit code is waited for so long before the response ends without it. */
export const exitLingerMs = 250;
/** `--grace`: at shutdown, how long running scripts may finish before TERM. */
export const shutdownGraceMs = 5_000;

// --- how many at once -----------------------------------------------------------------------------------------

/** `--max-processes`. A process for each request is dear; more at once than this only makes all of them late. */
export const processesMax = 64;
/**
 * Newborn processes at once, for each processor: one runs, the others stand ready when it waits or ends. With 2 the processors
 * idle now and then; with 4 the server's own turn comes late.
 */
export const newbornsPerProcessor = 3;
/** A process that has worked for so long is no newborn any more; most scripts are over by then. */
export const newbornMs = 25;
/** While requests wait: how often newborns are asked whether they still work. */
export const newbornLookMs = 5;
/** `--max-queue`: requests that wait for a process. */
export const queueMax = 512;
/** How long one may wait there: 503. */
export const queueMs = 30_000;
/** Retry-After of a 503, in seconds. */
export const retryAfterSeconds = 1;

// --- what is remembered ---------------------------------------------------------------------------------------

/** Files whose first bytes and X bit are remembered between requests, until inode, size, mtime or ctime change. */
export const probesKept = 1_000;
/** The first bytes of a file that say what runs it: Linux itself reads 256. */
export const probeBytes = 256;
/** Scripts named on the start page. */
export const scriptsListedMax = 500;
/** Folders below DIR that listing descends into. */
export const listDepthMax = 8;

// --- what a wire may carry ------------------------------------------------------------------------------------

/** Content of one FastCGI record we write. §3.3 allows 65535; php-fpm refuses content and padding above that; 8 × 8191 needs none. */
export const recordContentBytesMax = 65_528;
/** All variables of one request that we are sent, lengths included. Most are 2 KiB; cookies and client certificates make them grow. */
export const wireVariablesBytesMax = 1024 * KIB;
/** How many those may be. Servers send 30 to 60. */
export const wireVariablesMax = 1_000;
/** uwsgi: `datasize` has 16 bits. uWSGI itself takes 4 KiB unless its `buffer-size` says more. */
export const uwsgiVariablesBytesMax = 65_535;
/** `--connect-timeout`: to a connection with a program that listens, over all its addresses: 502 or 504. */
export const connectMs = 5_000;
/** Before its first request a FastCGI program is asked how many connections it takes; one that does not say is waited for so long. */
export const askValuesMs = 500;
/** A full backlog (EAGAIN on a Unix socket) is tried again after so long. */
export const dialRetryMs = 20;
/** `--connections`: requests at once with one address, when it does not say how many it takes. php-fpm's own default is 5 workers. */
export const connectionsPerPeer = 4;
/** A kept connection without a request. php-fpm holds a worker for each: a short while. */
export const keptConnectionMs = 5_000;
/** A fresh connection that says nothing for so long after another one became free may be waiting for a worker that a kept one holds. */
export const unheardMs = 100;
/** So long no connection is kept then: one more attempt costs a client `unheardMs`, one connection a request costs all of them 0.1 ms. */
export const crowdedMs = 10_000;
/** `--workers`: processes of one pool. php-fpm starts 2 to 5, and each holds the memory of an interpreter. */
export const workersOfPool = 4;
/** Connections that wait in the kernel for one worker: never more than its pool has slots, and those of clients that left. */
export const workerBacklog = 128;
/** From its birth until a worker takes requests: an application with everything it imports. Then it is ended. */
export const workerStartMs = 60_000;
/** A worker that does not say so is taken to be ready after so long: by then a command that is none, or does not compile, has ended. */
export const workerReadyMs = 100;
/** A worker that ends sooner after its birth has not begun well: the next one waits. */
export const bootMs = 1_000;
/** For so long, twice as long after each further failure, */
export const restartMs = 100;
/** but not longer. */
export const restartLongestMs = 10_000;
/** Failures in a row after which requests are refused at once, and one worker at a time finds out whether it goes well again. */
export const bootFailuresMax = 5;
/** Between two looks at a pool's workers: whether one is stuck, too large, too old, or to spare. */
export const workerLookMs = 1_000;
/** `--workers MIN..MAX`: when there has been one to spare for so long, one goes. php-fpm's process_idle_timeout is as long. */
export const workerIdleMs = 10_000;
/** Between asking a stuck worker for its stack and TERM. */
export const stackDumpMs = 200;
/** Workers that a pool can be given by hand: each holds the memory of an interpreter. */
export const workersByHandMax = 64;
/** What became of a pool's workers: so many events are kept, a reload of a large pool with all that ended for it. */
export const poolEventsKept = 20;
/** Of what a worker said before it ended by itself: the end of a traceback. */
export const poolEventBytesMax = 600;
/** Waits of so many requests make the percentiles of a queue. */
export const waitsKept = 1_000;
/** Files that a generation of workers says it has loaded; a large Django project has a few thousand. */
export const workerFilesMax = 20_000;
/** One line of what a worker says on its descriptor 3: a path, spelt as JSON. */
export const workerLineBytesMax = 64 * KIB;
/** After its end, whoever it has started may hold its stderr open for so long. */
export const workerLastWordsMs = 500;
/** `--watch`: a file has changed; workers are replaced when nothing more has for so long. Editors save twice, a deployment writes many. */
export const watchQuietMs = 100;
/** Changes that do not cease put it off no longer than this. */
export const watchLongestMs = 2_000;
/** Where no events come from, watched files are looked at so often, */
export const watchPollMs = 1_000;
/** and after a look that took long only after so many times as long: a twentieth of our time at most. */
export const watchPollPauses = 20;
/** Folders listened to. Linux before 5.11 grants a user 8,192 for all programs, editors included. */
export const watchedFoldersMax = 2_000;
/** Files and folders found below `--watch-extra`: more is a folder that was not meant. A look at so many takes 0.1 s. */
export const watchedFilesMax = 10_000;
/** A file up to this size that was saved again as it was is no change; a larger one is not read, its time alone counts. */
export const watchedBytesMax = MIB;
/** Watched files read in one turn of the event loop, to know later whether they hold something else. */
export const watchReadsAtOnce = 16;
/** Failures in a row that take an address out of the rotation. */
export const peerFailuresMax = 3;
/** For how long. */
export const peerOutMs = 10_000;
/** `--probe`: between two looks at an address; 0 is none, because a program should see no connection that nobody asked for. */
export const probeMs = 0;
/** Of an upload, written ahead of a program that reads it slowly. */
export const writeAheadBytesMax = 256 * KIB;
/** An answer that lies in the kernel when a write to the program fails is read in pieces of so much. */
export const lastWordsBytes = 64 * KIB;
/** A value shown beside its bytes in the wire view; the rest is in the hex. */
export const fieldTextBytesMax = 200;
/** Of the bytes on the wire that a trace is asked to keep, so many each way: the whole of most requests, the beginning of an upload. */
export const wireRecordedBytesMax = 64 * KIB;
/** `wire decode`: input. It keeps a field for every few bytes of it; of a large upload the first part says all there is to learn. */
export const wireInputBytesMax = 2 * MIB;

// --- what the lab remembers and sends -----------------------------------------------------------------------------------

/** Exchanges in the lab: more than a class looks at, and what a viewer who comes back has missed. */
export const labExchangesKept = 500;
/** Of each of an exchange's three streams; of most, all. */
export const labStreamBytesMax = 64 * KIB;
/** Of all streams together; then the oldest exchange goes. */
export const labKeptBytesMax = 32 * MIB;
/** Pieces of one stream that keep their time; a script that prints byte by byte has more, and those are kept as one. */
export const labPiecesMax = 500;
/** Viewers are told at most so often: ten pictures a second look alive. */
export const labBatchMs = 100;
/** Changed exchanges in one such batch; of more, the newest. */
export const labBatchMax = 200;
/** A class. Each takes a connection and its share of the server's time. */
export const labViewersMax = 64;
/** Bytes that wait for one viewer: it is told no more until it has taken them, and then only how things stand. */
export const labWaitingBytesMax = 256 * KIB;
/** A viewer that takes nothing for so long has left. */
export const labViewerStallMs = 30_000;
/** While somebody looks, they are told how the workers are at least so often. */
export const labWorkersMs = 1_000;
/** A quiet stream says so often that it is alive. */
export const labPulseMs = 10_000;
/** Fields of one way of a wire that the page lists: the whole of a request with a few hundred variables. */
export const labFieldsMax = 1_000;
/** Interpreters that the lab calibrates: more than a server's scripts have. */
export const labCalibrationsMax = 16;
/** Exchanges with each: a timeline is looked at now, and a slow interpreter takes a tenth of a second. */
export const labCalibrationRequests = 12;
/** A bench asks each target no longer than this, and warms it up no longer: somebody waits for it in front of a page. */
export const labBenchLongestMs = 600_000;
/** What is asked of a bench: four targets with the longest path. */
export const labBenchBytesMax = 20 * KIB;
/** Results of a bench that can still be looked at. */
export const labBenchesKept = 5;
/** A key that opens the lab once: for a browser that has to be started first. */
export const labTicketMs = 60_000;
/** A key, sent to be traded for a cookie. */
export const labEnterBytesMax = 1 * KIB;
/** A request to be sent again, as JSON with its body in base64: more than is kept of one, and room to write. */
export const labReplayBytesMax = 1 * MIB;
/** Sent again at once: one request through every gateway there is, by several people. */
export const labReplaysMax = 32;
/** Then whoever sent it again has left, as a client would: an endless answer has been seen. */
export const labReplayMs = 60_000;
/** After that, for its program to end, or to be ended. */
export const labReplaySettleMs = 15_000;

/** A program that opens a browser and has not given up after so long goes on: it is the browser. */
export const browserMs = 3_000;
/** The terminal is looked at so often for a line that was typed: nobody feels it, and it costs less than 0.1 % of a processor. */
export const typedLookMs = 200;

// --- the load of `bench` --------------------------------------------------------------------------------------------

/** `--duration`: of each target, all rounds together. Enough for p99 of a script that takes 50 ms; four targets take a minute. */
export const benchMs = 10_000;
/** `--rounds`: whether two ranges overlap is seen from a handful. */
export const benchRounds = 5;
/** `--warm-up`: interpreters' files come into memory, workers and compilers get warm. */
export const benchWarmUpMs = 1_000;
/** `--concurrency` of bench: as many as a pool has workers. */
export const benchUsers = 4;
/** More users than that wait for each other: the queue of processes is not longer, either. */
export const benchUsersMax = 1_000;
/** `--rate`: more than Node answers. */
export const benchRateMax = 100_000;
export const benchRoundsMax = 1_000;
/** Targets that are compared: as many as a picture can hold apart. */
export const benchTargetsMax = 4;
/** An answer that takes longer is a failure, not a latency. Longer than `headerMs`, so that the server's own 504 comes first. */
export const loadAnswerMs = 60_000;
/** Whoever gets no answer at all asks again after so long. */
export const loadRefusedRestMs = 10;
/** Requests in one slice: their latencies are kept, 8 bytes each, until it is over. */
export const loadSamplesMax = 2_000_000;
/** A timer of Node's may be so late; the rest of a wait is polled. */
export const loadTimerMs = 2;
/** After a slice, the server's account of its last requests is waited for so long: a process may end after its answer. */
export const loadSettleMs = 2_000;

// --- `cgi-serve status` -----------------------------------------------------------------------------------------------

/** A lab on this machine answers in milliseconds; one that is stuck is told of before the user wonders. */
export const statusMs = 5_000;
/** The table is drawn anew so often: as often as top's readers expect. */
export const statusEveryMs = 1_000;
