<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Execution;

use Ossa\Runtime\StepClaim;
use Psr\Container\ContainerInterface;
use Symfony\Component\DependencyInjection\Attribute\Autowire;

/**
 * Finds what carries out a step.
 *
 * Services are those found when the container was built; action plugins those
 * that the settings allow. Nothing else is called, whatever a manifest says.
 */
final readonly class CapabilityRegistry {

  /**
   * Collects what may be called.
   *
   * @param \Psr\Container\ContainerInterface $services
   *   The container.
   * @param array<string, array{string, string}> $bound
   *   Service id and method by key, such as "capability:send_email".
   * @param \Drupal\ossa_eca\Execution\ActionPlugins $actions
   *   Action plugins.
   */
  public function __construct(
    #[Autowire(service: 'service_container')]
    private ContainerInterface $services,
    #[Autowire(param: 'ossa_eca.capabilities')]
    private array $bound,
    private ActionPlugins $actions,
  ) {}

  /**
   * What carries out a step, in the order in which it is to be called.
   *
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   *
   * @return non-empty-list<\Closure(array<array-key, mixed>, \Drupal\ossa_eca\Execution\StepContext): mixed>
   *   One for each call of the step.
   *
   * @throws \Drupal\ossa_eca\Execution\StepFailure
   *   When a call has nothing that carries it out.
   */
  public function of(StepClaim $claim): array {
    $found = [];
    foreach ($claim->getCalls() as $keys) {
      $found[] = $this->service($keys) ?? $this->plugin($keys, $claim) ?? throw $this->nothingFor($keys, $claim);
    }
    return $found !== [] ? $found : throw $this->nothingFor([], $claim);
  }

  /**
   * The capabilities that services carry out.
   *
   * @return array<string, string>
   *   Method by key.
   */
  public function describe(): array {
    return array_map(static fn (array $target): string => $target[0] . '::' . $target[1] . '()', $this->bound);
  }

  /**
   * The service for a call.
   *
   * @param list<array{kind: string, key: string}> $keys
   *   The keys it may be bound under; the first that is bound wins.
   */
  private function service(array $keys): ?\Closure {
    foreach ($keys as ['kind' => $kind, 'key' => $key]) {
      [$id, $method] = $this->bound[$kind . ':' . $key] ?? [NULL, NULL];
      if ($id !== NULL) {
        $callable = [$this->services->get($id), $method];
        return is_callable($callable) ? $callable(...) : NULL;
      }
    }
    return NULL;
  }

  /**
   * The action plugin that the manifest binds a call to.
   *
   * @param list<array{kind: string, key: string}> $keys
   *   The keys of the call.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   */
  private function plugin(array $keys, StepClaim $claim): ?\Closure {
    $names = array_column($keys, 'key');
    foreach ($claim->getBindings() as $binding) {
      $plugin = $binding['service'];
      if ($plugin !== NULL && in_array($binding['capability'], $names, TRUE) && $this->actions->has($plugin)) {
        $config = is_array($binding['config']) ? $binding['config'] : NULL;
        return fn (array $input, StepContext $context): mixed => $this->actions->execute($plugin, $config, $input, $context);
      }
    }
    return NULL;
  }

  /**
   * Says what is missing.
   *
   * @param list<array{kind: string, key: string}> $keys
   *   The keys of the call.
   * @param \Ossa\Runtime\StepClaim $claim
   *   The step.
   */
  private function nothingFor(array $keys, StepClaim $claim): StepFailure {
    $wanted = array_map(static fn (array $key): string => sprintf('%s "%s"', $key['kind'], $key['key']), $keys);
    $refused = [];
    foreach ($claim->getBindings() as $binding) {
      if ($binding['service'] !== NULL) {
        $refused[] = $this->actions->why($binding['service']);
      }
    }
    return StepFailure::permanent('NO_CAPABILITY', sprintf(
      'Nothing carries out step "%s" of "%s": looked for %s. %sTag a service "ossa_eca.capability", mark a method with #[OssaCapability], or bind an action plugin in the manifest and allow it in the settings.',
      $claim->getStep(),
      $claim->getWorkflow(),
      $wanted === [] ? 'a capability by the id of the step' : implode(', ', $wanted),
      implode('', array_unique($refused)),
    ));
  }

}
