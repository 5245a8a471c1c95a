<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\StartActionBase;

/**
 * Runs a task.
 */
#[Action(
  id: 'ossa_task_action',
  label: new TranslatableMarkup('OSSA: run a task'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Runs an OSSA task, now or in the queue, with its input as YAML.'),
  version_introduced: '1.0.0',
)]
final class TaskAction extends StartActionBase {

  protected const KIND = 'Task';

  protected const MANIFEST = 'task_manifest';

}
