<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Attribute;

/**
 * Makes a method of a service a capability that manifests may name.
 *
 * The method is called with the input of the step as an array, and with a
 * \Drupal\ossa_eca\Execution\StepContext. What it returns is the output.
 *
 * The service must be autoconfigured, or tagged "ossa_eca.capability".
 */
#[\Attribute(\Attribute::TARGET_CLASS | \Attribute::TARGET_METHOD | \Attribute::IS_REPEATABLE)]
final readonly class OssaCapability {

  /**
   * Names a capability.
   *
   * @param string $name
   *   What manifests call it. Other calls are named with their kind:
   *   "task:NAME", "step:WORKFLOW.STEP" or "entrypoint:NAME".
   */
  public function __construct(public string $name) {}

}
