<?php

declare(strict_types=1);

namespace Drupal\ossa_eca;

/**
 * Something asked of a run cannot be done; the message says what to do.
 */
final class RunsException extends \RuntimeException {
}
