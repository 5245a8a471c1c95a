<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Engine;

/**
 * The engine cannot be used as things are; the message says what to do.
 */
final class EngineUnavailableException extends \RuntimeException {
}
