<?php

declare(strict_types=1);

namespace Ossa\Tests\Bench;

use Ossa\Runtime\Router;

/** How many messages one process routes, with so many rules of which three match. */
final readonly class RoutingRate
{
    private Router $router;

    /** @param positive-int $rules */
    public function __construct(int $rules)
    {
        $all = [
            ['id' => 'a', 'source' => 'scanner', 'channel' => 'security.vulnerabilities', 'targets' => ['responder'], 'filter' => ['fields' => ['severity' => ['critical']]]],
            ['id' => 'b', 'source' => '*', 'channel' => 'security.*', 'targets' => ['auditor']],
            ['id' => 'c', 'source' => 'scan*', 'channel' => 'security.vulnerabilities', 'targets' => ['monitor'], 'filter' => ['count' => ['$gte' => 1]]],
        ];
        for ($i = \count($all); $i < $rules; ++$i) {
            $all[] = ['id' => 'rule-'.$i, 'source' => 'team-'.($i % 50), 'channel' => \sprintf('domain%d.topic%d', $i % 97, $i), 'targets' => ['target-'.($i % 500)], 'filter' => ['kind' => 'k'.$i]];
        }
        $this->router = Router::parse(json_encode(['apiVersion' => 'ossa/v0.3.1', 'kind' => 'MessageRouting', 'metadata' => ['name' => 'bench'], 'spec' => ['rules' => $all]], \JSON_THROW_ON_ERROR));
    }

    /**
     * @param positive-int $messages
     *
     * @return array{rate: float, cpu: float} messages in a second, and microseconds of the processor for each
     */
    public function measure(int $messages): array
    {
        $message = [
            'id' => '8c0b7d5e-8a53-4d0e-9a39-6b1f0a1f7c11', 'source' => 'scanner', 'channel' => 'security.vulnerabilities', 'timestamp' => '2026-01-31T09:30:00Z',
            'payload' => ['vulnerability_id' => 'CVE-2026-1234', 'severity' => 'critical', 'count' => 3, 'package' => 'openssl', 'exploit_available' => true, 'summary' => ['critical' => 1, 'high' => 2]],
        ];
        if (3 !== \count($this->router->route($message)['deliveries'])) {
            throw new \LogicException('Three rules should match.');
        }
        [$began, $used] = [hrtime(true), self::used()];
        for ($i = 0; $i < $messages; ++$i) {
            $this->router->route($message);
        }

        return ['rate' => $messages / ((hrtime(true) - $began) / 1e9), 'cpu' => (self::used() - $used) / $messages];
    }

    /** Microseconds of the processor that this process has had. */
    private static function used(): float
    {
        $usage = getrusage();
        if (false === $usage) {
            throw new \RuntimeException('There is no getrusage() here.');
        }

        return 1e6 * ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
    }
}
