<?php

// Stubs of the extension "ossa", for IDEs and static analysis. Checked against reflection by the tests.

declare(strict_types=1);

namespace Ossa\Runtime {
    /** Version of the extension and the engine in it. */
    const VERSION = '0.1.0';

    /**
     * Durable runs of OSSA tasks and workflows on one store.
     *
     * Opening is cheap and lazy: nothing is read, written or started before the first call that needs it. An object
     * belongs to the process that made it; after a fork the child opens its own.
     *
     * @phpstan-all-methods-impure
     */
    final class Engine
    {
        private function __construct()
        {
        }

        /**
         * @param string $dsn `sqlite:///absolute/path.db?synchronous=full|normal`, `memory:`
         * @param array{
         *     manifest_roots?: list<string>,
         *     level?: 'lenient'|'strict',
         *     queue?: string,
         *     retry_owner?: 'engine'|'host',
         *     default_retry?: array{max_attempts?: int, backoff?: string, initial_delay_ms?: int, max_delay_ms?: int, multiplier?: float, jitter?: float}|null,
         *     retries?: array<string, array<string, mixed>>,
         *     breakers?: array<string, array<string, mixed>>,
         *     channels?: array{max_message_bytes?: int, retention_seconds?: int, receipt_retention_seconds?: int, dead_letter_retention_seconds?: int, settings?: array<string, array{max_message_bytes?: int, retention_seconds?: int, max_per_second?: int, burst?: int, dead_letters?: bool, dead_letter_channel?: string}>},
         *     callbacks?: array<string, callable(string, array<mixed>, string): mixed>,
         *     lease_seconds?: int,
         *     env?: array<string, string>,
         * } $options `queue`: where step items go (default `default`); `retry_owner`: who waits out retry delays
         *     (default `engine`); `retries`: policies of handlers by their names, each like `default_retry`; `breakers`: circuit
         *     breakers by the names of what they guard, each `array{failures?: int, open_ms?: int, probes?: int, rate?: float,
         *     rate_minimum?: int, rate_window_ms?: int, fallback?: string}`; `channels`: what channels keep and how much is published
         *     on them, with `settings` by names and patterns of channels; `callbacks`: transforms of message routing by name, as in
         *     {@see Router::load()}; `env`: the values `env.X` may see
         *
         * @throws Exception\ArgumentException when an option is wrong; a wrong DSN shows at the first call that needs the store
         */
        public static function open(#[\SensitiveParameter] string $dsn, array $options = []): self
        {
        }

        /**
         * An engine on a connection to a database that the application holds open. What it writes while a transaction of
         * the application is open is committed, or rolled back, with it.
         *
         * The engine runs on the calling thread alone: leases are prolonged and timers fired by its calls, and what a
         * worker holds while it is busy by {@see Transport::keepalive()} and {@see heartbeat()}.
         *
         * @param array{
         *     table_prefix?: string,
         *     auto_setup?: bool,
         *     poll_ms?: int,
         *     manifest_roots?: list<string>,
         *     level?: 'lenient'|'strict',
         *     queue?: string,
         *     retry_owner?: 'engine'|'host',
         *     default_retry?: array{max_attempts?: int, backoff?: string, initial_delay_ms?: int, max_delay_ms?: int, multiplier?: float, jitter?: float}|null,
         *     retries?: array<string, array<string, mixed>>,
         *     breakers?: array<string, array<string, mixed>>,
         *     channels?: array{max_message_bytes?: int, retention_seconds?: int, receipt_retention_seconds?: int, dead_letter_retention_seconds?: int, settings?: array<string, array{max_message_bytes?: int, retention_seconds?: int, max_per_second?: int, burst?: int, dead_letters?: bool, dead_letter_channel?: string}>},
         *     callbacks?: array<string, callable(string, array<mixed>, string): mixed>,
         *     lease_seconds?: int,
         *     env?: array<string, string>,
         * } $options `table_prefix`: what the names of tables begin with (default `ossa_`); `auto_setup`: whether missing
         *     tables are created at first use (default true); `poll_ms`: how often those who wait look for messages
         *     (default 50); the others as of {@see open()}
         *
         * @throws Exception\ArgumentException when an option is wrong; a wrong prefix shows at the first call that needs the store
         */
        public static function over(Store\ConnectionInterface $connection, array $options = []): self
        {
        }

        /**
         * Starts a run of a task or workflow. Durable when it returns.
         *
         * @param string $reference name, path below a manifest root, or `ossa://` URI
         * @param array<string, mixed> $input
         * @param array{
         *     kind?: 'Task'|'Workflow',
         *     idempotency_key?: string,
         *     correlation_id?: string,
         *     labels?: array<string, string>,
         *     traceparent?: string,
         *     priority?: string,
         *     trigger?: array<string, mixed>,
         * } $options
         *
         * @throws Exception\ManifestException when the manifest is missing, invalid, or cannot be run yet
         * @throws Exception\InputException    when the input breaks the schema
         * @throws Exception\StoreException
         */
        public function start(string $reference, array $input = [], array $options = []): StartedRun
        {
        }

        /**
         * Takes the right to run one attempt. `null` when there is nothing to do: the result is in, another worker
         * holds it, or it is a retry that is not due yet (see `retry_due` of {@see describe()}).
         *
         * @throws Exception\TokenException when the token is not one of this store's
         * @throws Exception\StoreException
         */
        public function claim(string $token): ?StepClaim
        {
        }

        /**
         * Reports the output of a claimed attempt. Durable when it returns.
         *
         * @throws Exception\TokenException
         * @throws Exception\StoreException
         */
        public function complete(string $token, mixed $output): StepReport
        {
        }

        /**
         * What complete() would make of this output now, without doing it: null when the step would be completed,
         * otherwise why not.
         *
         * @throws Exception\TokenException
         * @throws Exception\StoreException
         */
        public function checkOutput(string $token, mixed $output): ?string
        {
        }

        /**
         * Reports that a claimed attempt failed. Durable when it returns.
         *
         * @param array{
         *     code: string,
         *     message: string,
         *     class?: string|null,
         *     retryable?: bool|null,
         *     retry_after_ms?: int|null,
         *     details?: mixed,
         * } $error
         *
         * @throws Exception\TokenException
         * @throws Exception\StoreException
         */
        public function fail(string $token, array $error): StepReport
        {
        }

        /** Prolongs the claim; `false` when it is lost and the work is someone else's now. */
        public function heartbeat(string $token): bool
        {
        }

        /** Gives a claimed attempt back unrun; another worker may take it at once. */
        public function giveBack(string $token): void
        {
        }

        /**
         * Tries a failed step again with a new attempt; reopens the run if it failed.
         *
         * @return string the token of the new attempt
         *
         * @throws Exception\EngineException when the run or step is unknown, or the step has not failed
         */
        public function retryStep(string $runId, string $step): string
        {
        }

        /**
         * Sends an event to a run: it answers every step that waits for it, or is kept for the next one that will.
         *
         * @param array<string, mixed> $payload
         *
         * @return string the run's status after it
         *
         * @throws Exception\EngineException when the run is unknown or takes no such event
         */
        public function signal(string $runId, string $name, array $payload = []): string
        {
        }

        /**
         * What a token names, and where that attempt stands, without claiming it.
         *
         * `retry_due`: when the step's next attempt is due, in milliseconds since the Unix epoch, while its status is
         * `retrying`.
         *
         * @return array{run: string, workflow: string, step: string, attempt: int, step_status: string, retry_due: ?int, run_status: string}
         *
         * @throws Exception\TokenException
         * @throws Exception\EngineException when the run is unknown
         */
        public function describe(string $token): array
        {
        }

        /** Steers runs; `$by` is the person or program that the timelines name. */
        public function operator(string $by = ''): Operator
        {
        }

        /** @throws Exception\EngineException when the run is unknown */
        public function cancel(string $runId, string $reason = ''): void
        {
        }

        public function run(string $runId): ?Run
        {
        }

        /**
         * @param array{
         *     status?: string|list<string>,
         *     workflow?: string,
         *     correlation_id?: string,
         *     labels?: array<string, string>,
         *     created_from?: int,
         *     created_before?: int,
         *     updated_from?: int,
         *     updated_before?: int,
         *     after?: string,
         *     limit?: int,
         * } $filter `labels`: all of these; times are milliseconds since the Unix epoch; `after`: the next page, after this run
         *
         * @return list<RunSummary> newest first
         */
        public function runs(array $filter = []): array
        {
        }

        /**
         * In words, what a run waits for, or why it ended.
         *
         * @return array{run: string, workflow: string, status: string, progress: int, reasons: list<array{code: string, step?: string, text: string, until?: int}>}
         *
         * @throws Exception\EngineException when the run is unknown
         */
        public function why(string $runId): array
        {
        }

        /**
         * Events of a run after a version, those of at most `$limit` transitions; see {@see Run::getEvents()}.
         *
         * @return list<array{version: int, at: int, type: string, ...}>
         */
        public function events(string $runId, int $after = 0, int $limit = 1000): array
        {
        }

        /**
         * A whole run as JSON, with a checksum: to look at elsewhere, to keep, or to import into another store.
         *
         * @throws Exception\EngineException when the run is unknown
         */
        public function export(string $runId): string
        {
        }

        /**
         * Brings an exported run into this store, under the id it has.
         *
         * @return StartedRun not new when the store had it already, with the same history
         *
         * @throws Exception\EngineException when the export is damaged or of a newer version, or the store has the run with
         *                                   another history; nothing was imported then
         */
        public function import(string $export): StartedRun
        {
        }

        /**
         * Removes runs that ended and that the rules no longer want, with their history.
         *
         * @param array<'completed'|'failed'|'canceled', array{max_age_seconds?: int|null, max_count?: int|null}> $rules
         * @param bool $dryRun only say which
         *
         * @return list<RunSummary> those removed, longest ended first
         *
         * @throws Exception\ArgumentException when a rule has no bound
         */
        public function prune(array $rules, bool $dryRun = false, int $limit = 100000): array
        {
        }

        /**
         * Fires what is due: attempts whose time is up, run deadlines. Cheap when nothing is.
         *
         * @return int milliseconds until it should be called again, at most 1000
         */
        public function tick(): int
        {
        }

        /**
         * Step items to publish on a transport that is not the engine's own. May repeat one, never skips one.
         *
         * @return list<StepDispatch>
         */
        public function relay(int $max = 100): array
        {
        }

        /**
         * Confirms that relayed items are stored by the other transport. Unconfirmed ones come again.
         *
         * @param list<StepDispatch> $dispatches
         */
        public function relayed(array $dispatches): void
        {
        }

        /**
         * Has relayed items come again at once: the other transport did not take them.
         *
         * @param list<StepDispatch> $dispatches
         */
        public function notRelayed(array $dispatches): void
        {
        }

        /**
         * Every manifest below the roots, with its diagnostics.
         *
         * @return list<Manifest>
         */
        public function manifests(): array
        {
        }

        /**
         * Looks at everything the engine depends on: store, manifests, clock. Opens the store, and makes it when it is not
         * there.
         *
         * @return list<array{subject: string, condition: 'fine'|'warning'|'broken', found: string, remedy?: string}>
         */
        public function examine(): array
        {
        }

        /**
         * What keeps the store from its promise although it works, such as settings that lose data in a power cut.
         *
         * @return list<array{found: string, risk: string, remedy: string}>
         *
         * @throws Exception\StoreException
         */
        public function findings(): array
        {
        }

        /**
         * What the steps of all valid manifests call, each with the names under which it may be bound.
         *
         * @return list<array{manifest: string, step: string, keys: list<array{kind: string, key: string}>, bindings: list<array{capability: string, service: ?string, method: ?string}>}>
         */
        public function neededHandlers(): array
        {
        }

        /**
         * A Messenger-shaped view of one of the store's queues.
         *
         * @param array{queue?: string, dead_letter_queue?: string, prefetch?: int, ack_bound?: int, lease_seconds?: int} $options
         */
        public function transport(array $options = []): Transport
        {
        }

        /** Publishing, subscribing, and what becomes of messages. */
        public function channels(): Channels
        {
        }

        /** Messages that were given up; `$by` is the person or program that the record of changes names. */
        public function deadLetters(string $by = ''): DeadLetters
        {
        }

        public function keyValue(string $namespace): KeyValueStore
        {
        }

        public function circuitBreakers(): CircuitBreakers
        {
        }

        /** Flushes and closes connections and threads; the next call opens them again. */
        public function close(): void
        {
        }
    }

    final class StartedRun
    {
        private function __construct()
        {
        }

        public function getId(): string
        {
        }

        /** `false` when a run with the same idempotency key existed already. */
        public function isNew(): bool
        {
        }
    }

    /** One attempt to run, claimed. */
    final class StepClaim
    {
        private function __construct()
        {
        }

        public function getToken(): string
        {
        }

        public function getRunId(): string
        {
        }

        public function getWorkflow(): string
        {
        }

        public function getStep(): string
        {
        }

        public function getAttempt(): int
        {
        }

        public function getMaxAttempts(): int
        {
        }

        /** Same for all attempts of this step of this run: use it as an idempotency key for effects. */
        public function getEffectKey(): string
        {
        }

        /** @return array<array-key, mixed>|scalar|null */
        public function getInput(): mixed
        {
        }

        /**
         * Handlers to call one after the other; each entry lists the keys under which the handler may be bound.
         *
         * @return list<list<array{kind: 'step'|'task'|'entrypoint'|'capability', key: string}>>
         */
        public function getCalls(): array
        {
        }

        /** @return list<array{capability: string, host: ?string, service: ?string, method: ?string, config: mixed}> */
        public function getBindings(): array
        {
        }

        /** `deterministic`, `idempotent`, `transactional`… */
        public function getExecution(): string
        {
        }

        public function getTimeoutMs(): int
        {
        }

        /** Milliseconds since the Unix epoch at which the attempt's time is up. */
        public function getDeadlineMs(): int
        {
        }

        public function getCorrelationId(): ?string
        {
        }

        public function getTraceparent(): ?string
        {
        }

        /** How many messages led to what the step publishes, one after the other; 0 for a run that no message started. */
        public function getHops(): int
        {
        }
    }

    /** What became of a reported result. */
    final class StepReport
    {
        private function __construct()
        {
        }

        /** `recorded`, `duplicate` (a result of this attempt was there), `late` (the attempt is no longer current). */
        public function getStatus(): string
        {
        }

        /** After a failure: `retry`, `handled` (the run goes on) or `final`; after a success `handled`. */
        public function getNext(): string
        {
        }

        /** When `getNext()` is `retry`: milliseconds until the next attempt is due. */
        public function getRetryDelayMs(): ?int
        {
        }

        /** Status of the run after the report. */
        public function getRunStatus(): string
        {
        }
    }

    /** A step item on its way to another transport. */
    final class StepDispatch
    {
        private function __construct()
        {
        }

        public function getToken(): string
        {
        }

        public function getRunId(): string
        {
        }

        public function getWorkflow(): string
        {
        }

        public function getStep(): string
        {
        }

        public function getAttempt(): int
        {
        }

        public function getPriority(): string
        {
        }

        /** Milliseconds to wait before it is due. */
        public function getDelayMs(): int
        {
        }

        public function getCorrelationId(): ?string
        {
        }

        public function getTraceparent(): ?string
        {
        }
    }

    /** A run in a list. */
    final class RunSummary
    {
        private function __construct()
        {
        }

        public function getId(): string
        {
        }

        public function getWorkflow(): string
        {
        }

        public function getStatus(): string
        {
        }

        /** 0–100. */
        public function getProgress(): int
        {
        }

        public function getCurrentStep(): ?string
        {
        }

        public function getError(): ?string
        {
        }

        public function getCorrelationId(): ?string
        {
        }

        /** @return array<string, string> */
        public function getLabels(): array
        {
        }

        public function getCreatedAt(): \DateTimeImmutable
        {
        }

        public function getUpdatedAt(): \DateTimeImmutable
        {
        }

        public function getEndedAt(): ?\DateTimeImmutable
        {
        }
    }

    /** A run with its steps and timeline, as of the moment it was read. */
    final class Run
    {
        private function __construct()
        {
        }

        public function getId(): string
        {
        }

        public function getWorkflow(): string
        {
        }

        public function getStatus(): string
        {
        }

        public function isTerminal(): bool
        {
        }

        /** 0–100. */
        public function getProgress(): int
        {
        }

        public function getCorrelationId(): ?string
        {
        }

        /**
         * The step of another run that started this one.
         *
         * @return array{run: string, workflow: string, step: string, scope: int, node: int, attempt: int}|null
         */
        public function getParent(): ?array
        {
        }

        /** The group of runs of which only so many go on at once. */
        public function getConcurrencyGroup(): ?string
        {
        }

        /** @return array<string, string> */
        public function getLabels(): array
        {
        }

        public function getInput(): mixed
        {
        }

        public function getOutput(): mixed
        {
        }

        /** @return array{code: string, message: string, step_id?: string, attempt?: int, details?: mixed}|null */
        public function getError(): ?array
        {
        }

        /** @return array<string, mixed> */
        public function getVariables(): array
        {
        }

        /**
         * Steps in plan order. Times are milliseconds since the Unix epoch.
         *
         * @return list<array{id: string, name: ?string, child: ?string, status: string, attempts: int, input: mixed, output: mixed, error: ?array{code: string, message: string}, started_at: ?int, finished_at: ?int}>
         */
        public function getSteps(): array
        {
        }

        /**
         * Every event in order. `at` is milliseconds since the Unix epoch; the other keys depend on the type.
         *
         * @return list<array{version: int, at: int, type: string, ...}>
         */
        public function getEvents(): array
        {
        }

        public function getCreatedAt(): \DateTimeImmutable
        {
        }

        public function getEndedAt(): ?\DateTimeImmutable
        {
        }
    }

    /**
     * Steers runs in the name of a person or program, from {@see Engine::operator()}.
     *
     * Of two orders that contradict each other the first is carried out; the second throws an EngineException that names
     * the run and where it stands. Those that return a string without further words return the run's status.
     *
     * @phpstan-all-methods-impure
     */
    final class Operator
    {
        private function __construct()
        {
        }

        /**
         * Has the run dispatch nothing more until it is resumed. What workers hold may finish and its results count;
         * deadlines keep running.
         *
         * @throws Exception\EngineException when the run is unknown, has ended, or is paused
         */
        public function pause(string $runId, string $reason = ''): string
        {
        }

        /** @throws Exception\EngineException when the run is unknown or not paused */
        public function resume(string $runId, string $reason = ''): string
        {
        }

        /**
         * Sets the run aside: as a pause, but only a release ends it.
         *
         * @throws Exception\EngineException when the run is unknown, has ended, or is set aside
         */
        public function quarantine(string $runId, string $reason = ''): string
        {
        }

        /** @throws Exception\EngineException when the run is unknown or not set aside */
        public function release(string $runId, string $reason = ''): string
        {
        }

        /**
         * @return bool `false` when it had ended already
         *
         * @throws Exception\EngineException when the run is unknown
         */
        public function cancel(string $runId, string $reason = ''): bool
        {
        }

        /**
         * Ends the run at once, without compensation.
         *
         * @throws Exception\EngineException when the run is unknown or has ended
         */
        public function abort(string $runId, string $reason = ''): string
        {
        }

        /**
         * Tries a failed step again with a new attempt; reopens the run if it failed.
         *
         * @return string the token of the new attempt
         *
         * @throws Exception\EngineException when the run or step is unknown, or the step has not failed
         */
        public function retryStep(string $runId, string $step, string $reason = ''): string
        {
        }

        /**
         * Answers a step that waits for a person: the form of a human task, or "approve" or "reject". The first of two
         * answers counts.
         *
         * @return string the run's status after it
         *
         * @throws Exception\EngineException when the run or step is unknown, the step does not wait for this answer any more, or the answer does not fit its form
         */
        public function decide(string $runId, string $step, mixed $decision, string $comment = ''): string
        {
        }

        /**
         * Goes on without the step, as if its condition did not hold; reopens the run if the step failed it.
         *
         * @throws Exception\EngineException when the run or step is unknown, or the step is done
         */
        public function skipStep(string $runId, string $step, string $reason = ''): string
        {
        }

        /**
         * Runs a step now that waits only for its retry, for a free slot, or for the end of a pause.
         *
         * @return string the token of its attempt
         *
         * @throws Exception\EngineException when the run or step is unknown, waits for other steps, runs, or is done
         */
        public function executeStep(string $runId, string $step, string $reason = ''): string
        {
        }

        /**
         * Has the run go on with another version of its workflow: steps that have begun stay as they are, the others are
         * those of the new version.
         *
         * @param string $to     name, path or URI of the new version; '' = the manifest of the run's name
         * @param bool   $dryRun only say what differs
         *
         * @return array{run: string, from: string, to: string, differences: list<array{step?: string, text: string, blocks: bool}>, migrated: bool}
         *
         * @throws Exception\EngineException   when the run is unknown, or a difference stands in the way
         * @throws Exception\ManifestException when there is no new version that can be run
         */
        public function migrate(string $runId, string $to = '', bool $dryRun = false, string $reason = ''): array
        {
        }
    }

    /** One document of a manifest file. */
    final class Manifest
    {
        private function __construct()
        {
        }

        /**
         * @param array{level?: 'lenient'|'strict'} $options
         *
         * @return list<self> one for each document, valid or not
         *
         * @throws Exception\ManifestException when the file cannot be read
         */
        public static function load(string $path, array $options = []): array
        {
        }

        /**
         * @param array{level?: 'lenient'|'strict', file?: string} $options
         *
         * @return list<self>
         */
        public static function parse(string $yaml, array $options = []): array
        {
        }

        public function getKind(): ?string
        {
        }

        public function getName(): ?string
        {
        }

        public function getVersion(): ?string
        {
        }

        public function getApiVersion(): ?string
        {
        }

        public function getFile(): ?string
        {
        }

        /** Position in its file, from 0. */
        public function getIndex(): int
        {
        }

        public function isValid(): bool
        {
        }

        /** @return list<Diagnostic> */
        public function getDiagnostics(): array
        {
        }

        /** @return list<array{capability: string, host: ?string, service: ?string, method: ?string, config: mixed}> */
        public function getBindings(): array
        {
        }
    }

    /** Something wrong, or worth knowing, at a place of a manifest. */
    final class Diagnostic
    {
        private function __construct()
        {
        }

        /** `OSSA-M001`… */
        public function getCode(): string
        {
        }

        /** `error`, `warning` or `note`. */
        public function getSeverity(): string
        {
        }

        public function getMessage(): string
        {
        }

        public function getHelp(): ?string
        {
        }

        /** JSON path. */
        public function getPath(): string
        {
        }

        public function getFile(): ?string
        {
        }

        /** From 1; 0 when unknown. */
        public function getLine(): int
        {
        }

        /** From 1; 0 when unknown. */
        public function getColumn(): int
        {
        }

        /** The diagnostic as text with a source snippet. */
        public function render(): string
        {
        }
    }

    /**
     * A queue of the engine's store, as Messenger sees one. Prefetches and acks in the background; leases of everything
     * it holds are prolonged while it lives; what it prefetched and did not hand out is given back on close.
     *
     * @phpstan-all-methods-impure
     */
    final class Transport
    {
        private function __construct()
        {
        }

        /**
         * A queue of a store or broker with a DSN of its own, without an engine: it carries messages, no steps of runs.
         * `ossa+` before the scheme is allowed. Nothing is opened before it is needed.
         *
         * @param array{queue?: string, dead_letter_queue?: string, prefetch?: int, ack_bound?: int, lease_seconds?: int, fallback_suffix?: string} $options
         * @param ?Engine $fallback keeps what is sent while the broker is away, in the queue with the suffix `.fallback`, and
         *                          passes it on in its order afterwards
         *
         * @throws Exception\ArgumentException when an option is wrong
         */
        public static function open(#[\SensitiveParameter] string $dsn, array $options = [], ?Engine $fallback = null): self
        {
        }

        /**
         * Looks whether a DSN can be used, as far as that can be told without connecting.
         *
         * @throws Exception\ExceptionInterface naming the part that is wrong
         */
        public static function check(#[\SensitiveParameter] string $dsn): void
        {
        }

        /**
         * Durable when it returns. A negative delay counts as none.
         *
         * @return string the message's id
         *
         * @throws Exception\TransportException
         */
        public function send(string $body, string $headers = '', int $delayMs = 0, string $priority = 'normal'): string
        {
        }

        /**
         * All of them durable when it returns, or none, with one write to the store.
         *
         * @param list<array{body: string, headers?: string, delay_ms?: non-negative-int, priority?: string}> $messages
         *
         * @return list<string> the ids of the messages, in their order
         *
         * @throws Exception\TransportException
         */
        public function sendMany(array $messages): array
        {
        }

        /**
         * Up to `$max` messages; waits up to `$waitMs` (at most 1000) when there is none.
         *
         * @return list<Delivery>
         *
         * @throws Exception\TransportException
         */
        public function receive(int $max = 1, int $waitMs = 0): array
        {
        }

        /**
         * Takes one particular message, found by its id, so that it can be acknowledged, rejected or kept alive; `false`
         * when it is gone, held by another worker, or a step of a run.
         *
         * @throws Exception\TransportException
         */
        public function take(string $id): bool
        {
        }

        /** @throws Exception\TransportException when the message is not held by this transport */
        public function ack(string $id): void
        {
        }

        /** Removes the message for good (into the dead-letter queue, when one is configured). */
        public function reject(string $id): void
        {
        }

        /**
         * Gives a message back unhandled.
         *
         * @throws Exception\TransportException when the message is not held by this transport
         */
        public function release(string $id, int $delayMs = 0): void
        {
        }

        /** @throws Exception\TransportException when the lease is lost */
        public function keepalive(string $id, ?int $seconds = null): void
        {
        }

        /** Messages waiting or due later, not those being handled. */
        public function count(): int
        {
        }

        /**
         * What keeps the queue from its promise although it works.
         *
         * @return list<array{found: string, risk: string, remedy: string}>
         *
         * @throws Exception\TransportException
         */
        public function findings(): array
        {
        }

        /** @return array{ready: int, delayed: int, leased: int} */
        public function counts(): array
        {
        }

        /**
         * Whether a message could be received at once. However many there are, it takes no longer.
         *
         * @throws Exception\TransportException
         */
        public function isReady(): bool
        {
        }

        /**
         * What is in the queue, oldest first, without taking it.
         *
         * @param string|null $after only what was sent after the message with this id, which may be gone
         *
         * @return list<Delivery>
         */
        public function all(?int $limit = null, ?string $after = null): array
        {
        }

        public function find(string $id): ?Delivery
        {
        }

        public function setup(): void
        {
        }

        /** Writes out pending acks. */
        public function flush(): void
        {
        }

        public function close(): void
        {
        }
    }

    final class Delivery
    {
        private function __construct()
        {
        }

        public function getId(): string
        {
        }

        public function getBody(): string
        {
        }

        public function getHeaders(): string
        {
        }

        /** Set when the message is a step of a run rather than one that was sent. */
        public function getToken(): ?string
        {
        }

        /** @return array{run: string, workflow: string, step: string, attempt: int, correlation_id: ?string, traceparent: ?string}|null */
        public function getStep(): ?array
        {
        }

        public function getQueue(): string
        {
        }

        public function getPriority(): string
        {
        }
    }

    /**
     * Channels of the engine's store, from {@see Engine::channels()}.
     *
     * A subscriber is an array; only `name` must be there:
     *
     *     name                  of a listener, agent or workflow; rules send messages to it by this name, too
     *     subscriptions         list of {channel, source?, filter?, schema?, handler?, priority?}; channels may be patterns
     *     guarantee             at-least-once (default), at-most-once, exactly-once
     *     retry                 {max_attempts, backoff: none|fixed|linear|exponential, initial_delay_ms, max_delay_ms, multiplier, jitter}
     *     dead_letters          whether what keeps failing is kept (default: true)
     *     dead_letter_channel   `{channel}.dlq` by default
     *     dead_letter_retention_seconds  how long they are kept, if not as long as all
     *     ordering              none (default), per-source, per-channel, global
     *     max_concurrency       deliveries at once, by all workers
     *     rate                  {count, per_ms}
     *     timeout_ms            how long a worker has for a delivery (default: 30000)
     *     receipts              whether a receipt is kept also of what succeeds at once
     *     from                  position in the stream to begin after; without it, what is published from now on
     *     target                `host` (default) or {start: {reference, kind?: task|workflow}}
     *
     * @phpstan-type Published array{id: string, position: int, is_new: bool, deliveries: int}
     * @phpstan-type MessageOptions array{id?: string, type?: string, correlation_id?: string, reply_to?: string, priority?: string, ttl_seconds?: int, traceparent?: string, headers?: array<string, mixed>}
     * @phpstan-type Records array{records: list<array{position: int, channel: string, source: string, id: string, at_ms: int, expires_at_ms: ?int, envelope: string}>, read_to: int}
     *
     * @phpstan-all-methods-impure
     */
    final class Channels
    {
        private function __construct()
        {
        }

        /**
         * Publishes a message. Durable when it returns. The same `id` on the same channel is published once.
         *
         * @param MessageOptions $options
         *
         * @return Published
         *
         * @throws Exception\InputException    when the payload breaks the schema that the source declares, or is too large
         * @throws Exception\EngineException   when the channel takes no more now; {@see Exception\ExceptionInterface::isRetryable()}
         * @throws Exception\ArgumentException for a bad channel, source or option
         */
        public function publish(string $channel, mixed $payload, string $source, array $options = []): array
        {
        }

        /**
         * Publishes many messages in one transaction; the answers are in their order, and each message stands for itself.
         *
         * @param list<array<string, mixed>> $messages each with `channel`, `source`, `payload` and the options of publish()
         *
         * @return list<Published|array{error_code: string, error: string, violations: list<string>}>
         */
        public function publishBatch(array $messages): array
        {
        }

        /**
         * Publishes an envelope of any known dialect byte by byte. What is none becomes a dead letter of `$channel`.
         *
         * @return Published
         */
        public function publishEnvelope(string $envelope, string $channel = ''): array
        {
        }

        /**
         * Registers a subscriber, or changes one. It gets what is published from now on; other processes know of it within a
         * second.
         *
         * @param array<string, mixed> $subscriber
         *
         * @throws Exception\ArgumentException
         */
        public function subscribe(array $subscriber): void
        {
        }

        /** @return bool `false` when there was none; what is in its queue stays */
        public function unsubscribe(string $name): bool
        {
        }

        /** @return list<array<string, mixed>> of manifests and registered ones, with `ready`, `delayed`, `leased` and `stream` */
        public function subscribers(): array
        {
        }

        /** @return list<string> what of subscribers and rules cannot be used, and is left out */
        public function problems(): array
        {
        }

        /**
         * Takes deliveries, most urgent first, waiting for the first. Each is to be ended by ack(), fail() or release() within
         * its subscriber's timeout, or prolonged by extend().
         *
         * @param list<string> $subscribers
         *
         * @return list<ChannelDelivery>
         */
        public function receive(array $subscribers, int $max = 1, int $waitMs = 0): array
        {
        }

        /** @throws Exception\TransportException when the delivery is someone else's by now */
        public function ack(ChannelDelivery $delivery): void
        {
        }

        /**
         * The delivery failed: it comes again, or becomes a dead letter, as its subscriber's policy says.
         *
         * @param array{code?: string, message?: string, class?: string, retryable?: bool, retry_after_ms?: int, details?: mixed} $error
         *
         * @return array{outcome: 'retry'|'dead_letter'|'handed_over'|'dropped', retry_at_ms: ?int, dead_letter_channel: ?string, subscriber: ?string}
         *
         * @throws Exception\TransportException when the delivery is someone else's by now
         */
        public function fail(ChannelDelivery $delivery, array $error): array
        {
        }

        /**
         * Gives a delivery back untouched: it comes again after the delay, and no attempt counts.
         *
         * @throws Exception\TransportException when the delivery is someone else's by now
         */
        public function release(ChannelDelivery $delivery, int $delayMs = 0): void
        {
        }

        /**
         * Keeps a delivery for so long from now on.
         *
         * @throws Exception\TransportException when the delivery is someone else's by now
         */
        public function extend(ChannelDelivery $delivery, int $seconds = 30): void
        {
        }

        /** @return list<array{messageId: string, channel: string, subscriber?: string, status: string, timestamp: int, deliveryAttempt: int, error?: array{code: string, message: string, retryable: bool}}> */
        public function receipts(string $channel, string $messageId): array
        {
        }

        /**
         * What was published after a position, in its order; read on after `read_to`.
         *
         * @return Records
         */
        public function read(string $pattern, int $after = 0, int $limit = 100): array
        {
        }

        /** @return Records */
        public function last(string $pattern, int $limit = 10): array
        {
        }

        /** After which position to read to see what was published at that time and later. */
        public function positionBefore(int $timeMs): int
        {
        }

        /**
         * Has a subscriber that reads the stream by itself read again from another place on.
         *
         * @throws Exception\EngineException
         */
        public function seek(string $subscriber, int $after = 0): void
        {
        }

        /**
         * Sends a request to an agent; returns its id, under which the answer is asked for.
         *
         * @param array{id?: string, timeout_ms?: int, priority?: string, traceparent?: string} $options
         *
         * @throws Exception\InputException when the input breaks the schema that the agent declares
         */
        public function request(string $caller, string $target, string $command, mixed $input, array $options = []): string
        {
        }

        /** Answers a request that was delivered. The first answer counts. */
        public function reply(ChannelDelivery $request, mixed $output): void
        {
        }

        /** @param array{code?: string, message?: string} $error */
        public function replyError(ChannelDelivery $request, array $error): void
        {
        }

        /** @return array{status: 'pending'|'completed'|'failed', deadline?: int, output?: mixed, code?: string, message?: string}|null */
        public function answer(string $requestId, int $waitMs = 0): ?array
        {
        }

        /**
         * What happened to a run, whether or not anybody was told.
         *
         * @param array{types?: string|list<string>, step?: string, after_version?: int, since_ms?: int, until_ms?: int} $filter
         *
         * @return list<array<string, mixed>>
         */
        public function runEvents(string $runId, array $filter = [], int $limit = 1000): array
        {
        }

        /** @return array{messages: int, expired_values: int, dead_letters: int} what was no longer to be kept */
        public function prune(int $limit = 100000): array
        {
        }
    }

    /**
     * A message in the hands of a worker, from {@see Channels::receive()}.
     */
    final class ChannelDelivery
    {
        private function __construct()
        {
        }

        public function getSubscriber(): string
        {
        }

        /** Which of the subscriber's handlers is meant: the subscription's `handler`, or the name of a command. */
        public function getHandler(): ?string
        {
        }

        /** The rule that sent it. */
        public function getRule(): ?string
        {
        }

        public function getMessageId(): string
        {
        }

        public function getChannel(): string
        {
        }

        public function getSource(): string
        {
        }

        public function getType(): ?string
        {
        }

        /** The payload that the subscriber gets, after the rule's transform. */
        public function getPayload(): mixed
        {
        }

        /** @return array<string, mixed> the message with that payload, in the dialect of its channel */
        public function getEnvelope(): array
        {
        }

        /** The message as it was published, byte by byte. */
        public function getOriginal(): string
        {
        }

        public function getPriority(): string
        {
        }

        public function getAttempt(): int
        {
        }

        /** The same for each attempt: for handlers that must not do a thing twice. */
        public function getEffectKey(): string
        {
        }

        public function getCorrelationId(): ?string
        {
        }

        /** Where an answer is expected; set when it is a request. */
        public function getReplyTo(): ?string
        {
        }

        public function getTraceparent(): ?string
        {
        }

        public function getExpiresAtMs(): ?int
        {
        }
    }

    /**
     * Messages that were given up, from {@see Engine::deadLetters()}.
     *
     * @phpstan-type DeadLetter array{id: string, dead_letter_channel: string, channel: string, message_id: string, source: string, subscriber: ?string, reason: string, error_code: string, error: string, attempts: int, at_ms: int, priority: string, original: string, edited: ?string, edits: list<array{by: string, reason: string, at_ms: int}>}
     * @phpstan-type DeadLetterFilter array{channel?: string, subscriber?: string, reason?: string, error_code?: string, since_ms?: int, until_ms?: int, after?: string}
     *
     * @phpstan-all-methods-impure
     */
    final class DeadLetters
    {
        private function __construct()
        {
        }

        /**
         * By channel, oldest first. The next page is that with the last one's id as `after`.
         *
         * @param DeadLetterFilter $filter
         *
         * @return list<DeadLetter>
         */
        public function list(array $filter = [], int $limit = 100): array
        {
        }

        /**
         * @return DeadLetter
         *
         * @throws Exception\EngineException when there is none
         */
        public function show(string $id): array
        {
        }

        /**
         * Has a replay deliver another payload; the original stays as it is.
         *
         * @return DeadLetter
         *
         * @throws Exception\EngineException when there is none, or somebody else is at it
         */
        public function edit(string $id, mixed $payload, string $reason = ''): array
        {
        }

        /**
         * Delivers a message again without its marks of failure: to the subscriber whose delivery had failed or, where it had
         * got to nobody, to whoever takes it now.
         *
         * @return array{subscriber: ?string, deliveries: int}
         *
         * @throws Exception\EngineException when there is none, or somebody else is at it
         */
        public function replay(string $id, string $reason = ''): array
        {
        }

        /** @throws Exception\EngineException when there is none, or somebody else is at it */
        public function remove(string $id, string $reason = ''): void
        {
        }

        /**
         * @param DeadLetterFilter $filter
         *
         * @return list<array{channel: string, count: int, oldest: ?string, newest: ?string, reasons: array<string, int>, errorCodes: array<string, int>}>
         */
        public function stats(array $filter = []): array
        {
        }

        /** @return list<array<string, mixed>> who did what, latest last */
        public function actions(int $limit = 100): array
        {
        }
    }

    /**
     * What is left alone for a while because it kept failing. All processes on one store share it.
     *
     * A breaker is named by what it guards, and for whom where there are tenants.
     *
     * @phpstan-all-methods-impure
     */
    final class CircuitBreakers
    {
        private function __construct()
        {
        }

        /**
         * Those that saw a failure lately, by name; times in milliseconds since the Unix epoch.
         *
         * @return list<array{name: string, tenant?: string, state: 'closed'|'open'|'half_open', until?: int, succeeded?: int, probe?: array{holder: string, until: int}, failures: int, cause?: string, since?: int}>
         */
        public function all(): array
        {
        }

        /** Closes a breaker and forgets what it counted; `false` when it saw no failure. */
        public function reset(string $name, ?string $tenant = null): bool
        {
        }

        /**
         * Asks whether a call may be made that is no step of a run.
         *
         * @param string $holder names the call when its result is told
         *
         * @return int|null null when it may; else when to ask again, in milliseconds since the Unix epoch
         *
         * @throws Exception\ArgumentException when the name is empty or too long
         */
        public function admit(string $name, string $holder, ?string $tenant = null): ?int
        {
        }

        public function succeeded(string $name, string $holder, ?string $tenant = null): void
        {
        }

        /** @param array{code: string, message: string, class?: string|null, retryable?: bool|null, retry_after_ms?: int|null, details?: mixed} $error one that is not retryable counts as an answer */
        public function failed(string $name, string $holder, array $error, ?string $tenant = null): void
        {
        }
    }

    /**
     * Values by key, in a namespace of the engine's store.
     *
     * @phpstan-all-methods-impure
     */
    final class KeyValueStore
    {
        private function __construct()
        {
        }

        public function get(string $key, mixed $default = null): mixed
        {
        }

        /** @return array{value: mixed, version: int}|null */
        public function getVersioned(string $key): ?array
        {
        }

        /** @return int the new version */
        public function set(string $key, mixed $value, ?int $ttlSeconds = null): int
        {
        }

        public function delete(string $key): bool
        {
        }

        /**
         * Writes only if the current version is `$expectedVersion` (0 = the key must be absent).
         *
         * @return int|null the new version, or null when another version was found
         */
        public function compareAndSwap(string $key, int $expectedVersion, mixed $value, ?int $ttlSeconds = null): ?int
        {
        }

        /** @return list<string> */
        public function keys(string $prefix = '', int $limit = 1000): array
        {
        }
    }

    /** A parsed expression: `${{ … }}` without the braces. */
    final class Expression
    {
        private function __construct()
        {
        }

        /** @throws Exception\ExpressionException with the position of the fault */
        public static function parse(string $source): self
        {
        }

        /**
         * @param array<string, mixed> $scope roots by name
         *
         * @throws Exception\ExpressionException
         */
        public function evaluate(array $scope): mixed
        {
        }
    }

    /** The rules of message routing: says where a message goes. */
    final class Router
    {
        private function __construct()
        {
        }

        /**
         * Compiles the rules in the documents of files; agents among them are used to check the rules.
         *
         * @param list<string>                                                 $files
         * @param array<string, callable(string, array<mixed>, string): mixed> $callbacks transforms by name (`jsonata`, or what a `custom` one names), called with expression, message and name of the transform
         *
         * @throws Exception\ManifestException with all diagnostics, when a file cannot be read or a document has errors
         */
        public static function load(array $files, array $callbacks = []): self
        {
        }

        /**
         * @param array<string, callable(string, array<mixed>, string): mixed> $callbacks as in load()
         *
         * @throws Exception\ManifestException
         */
        public static function parse(string $yaml, array $callbacks = []): self
        {
        }

        /** @return list<Diagnostic> what is to be said about the documents although they are used */
        public function getWarnings(): array
        {
        }

        /**
         * @param array<string, mixed>         $message an envelope of any dialect
         * @param array{agents?: list<string>} $options whom a broadcast without targets goes to
         *
         * @return array{outcome: string, deliveries: list<array{target: string, priority: string, rules: list<string>, transform: ?string, failover: list<string>, payload: mixed}>, refusals: list<array{reason: string, detail: string, rule: ?string, targets: list<string>}>}
         *
         * @throws Exception\InputException when the message is no envelope
         */
        public function route(array $message, array $options = []): array
        {
        }

        /**
         * As route(), with what each rule says of the message.
         *
         * @param array<string, mixed>         $message
         * @param array{agents?: list<string>} $options
         *
         * @return array{outcome: string, deliveries: list<array{target: string, priority: string, rules: list<string>, transform: ?string, failover: list<string>, payload: mixed}>, refusals: list<array{reason: string, detail: string, rule: ?string, targets: list<string>}>, rules: list<array{rule: string, routing: string, path: string, matches: bool, why?: string, targets: list<string>}>}
         *
         * @throws Exception\InputException
         */
        public function explain(array $message, array $options = []): array
        {
        }
    }
}

namespace Ossa\Runtime\Exception {
    /** Implemented by everything the extension throws. */
    interface ExceptionInterface extends \Throwable
    {
        /** Stable code, documented by `ossa explain CODE`. */
        public function getErrorCode(): string;

        /** What to do about it. */
        public function getHelp(): ?string;

        /** Whether the same call may succeed later without anyone changing anything. */
        public function isRetryable(): bool;
    }

    /** Base of the tree; never thrown itself. */
    abstract class OssaException extends \RuntimeException implements ExceptionInterface
    {
        public function getErrorCode(): string
        {
        }

        public function getHelp(): ?string
        {
        }

        public function isRetryable(): bool
        {
        }
    }

    /** A manifest is missing, invalid, or cannot be run. */
    class ManifestException extends OssaException
    {
        /** @return list<\Ossa\Runtime\Diagnostic> */
        public function getDiagnostics(): array
        {
        }
    }

    /** Input breaks the schema of the task or workflow. */
    class InputException extends OssaException
    {
        /** @return list<string> each violation, with its JSON path */
        public function getViolations(): array
        {
        }
    }

    /** A run or step is unknown, or not in a state for what was asked. */
    class EngineException extends OssaException
    {
        public function getRunId(): ?string
        {
        }

        public function getStep(): ?string
        {
        }
    }

    /** A token is malformed, forged, or of another store. */
    class TokenException extends OssaException
    {
    }

    /** The store failed. */
    class StoreException extends OssaException
    {
    }

    /** A queue operation failed. */
    class TransportException extends OssaException
    {
    }

    /** An expression cannot be parsed or evaluated. */
    class ExpressionException extends OssaException
    {
        /** Byte offset in the source. */
        public function getOffset(): int
        {
        }
    }

    /** An argument is wrong: an unknown option, a value out of range. */
    class ArgumentException extends OssaException
    {
    }

    /** An object made by another process was used after a fork. */
    class ProcessException extends OssaException
    {
    }
}

namespace Ossa\Runtime\Store {
    /**
     * A connection to a database for a store of runs: {@see \Ossa\Runtime\Engine::over()}. It runs statements; what they
     * say is the engine's.
     *
     * Statements have the placeholder `?`. An exception thrown by any method ends what the engine was doing; the exception
     * that tells of it has it as its previous one.
     */
    interface ConnectionInterface
    {
        /** @return 'sqlite'|'postgresql'|'mysql' the dialect; MariaDB's is `mysql` */
        public function platform(): string;

        /**
         * @param list<int|string|null> $params
         * @param list<int>             $bytes  the places in `$params`, from 0, of what is bytes rather than text
         *
         * @return list<list<int|string|bool|null>> the rows, columns by place
         */
        public function query(string $sql, array $params, array $bytes): array;

        /**
         * @param list<int|string|null> $params
         * @param list<int>             $bytes  as of {@see query()}
         *
         * @return int how many rows were inserted, changed or deleted
         */
        public function execute(string $sql, array $params, array $bytes): int;

        public function begin(): void;

        public function commit(): void;

        public function rollBack(): void;

        /** Whether a transaction is open, whoever began it. */
        public function isTransactionActive(): bool;

        /**
         * What an exception of another method means: `unavailable` (the database cannot be reached), `conflict` (a
         * deadlock and the like: the same transaction may succeed if tried again), `duplicate` (a row with this key
         * exists), `full` (no space left), or `other`.
         *
         * @return 'unavailable'|'conflict'|'duplicate'|'full'|'other'
         */
        public function classify(\Throwable $exception): string;
    }

    /** The tables of a store on a connection. */
    final class Schema
    {
        private function __construct()
        {
        }

        /**
         * The statements that create the tables where they are missing, for migrations.
         *
         * @return list<string>
         *
         * @throws \Ossa\Runtime\Exception\StoreException when the prefix is no name, or the connection fails
         */
        public static function statements(ConnectionInterface $connection, string $prefix = 'ossa_'): array
        {
        }
    }

    /** What every store must do, for tests of a connection. */
    final class ConformanceSuite
    {
        private function __construct()
        {
        }

        /** @return list<string> the names of the cases */
        public static function cases(): array
        {
        }

        /**
         * Runs a case. It expects to find no runs, messages or keys in the tables, and creates them if they are missing.
         *
         * @return string|null why it failed
         *
         * @throws \Ossa\Runtime\Exception\StoreException when the tables cannot be opened
         */
        public static function run(string $case, ConnectionInterface $connection, string $prefix = 'ossa_'): ?string
        {
        }
    }
}
