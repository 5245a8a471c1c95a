<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Plugin\Action;

use Drupal\Core\Action\Attribute\Action;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\eca\Attribute\EcaAction;
use Drupal\ossa_eca\Eca\StartActionBase;

/**
 * Starts a workflow.
 */
#[Action(
  id: 'ossa_workflow_action',
  label: new TranslatableMarkup('OSSA: start a workflow'),
)]
#[EcaAction(
  description: new TranslatableMarkup('Starts an OSSA workflow, now or in the queue, with its input as YAML.'),
  version_introduced: '1.0.0',
)]
final class WorkflowAction extends StartActionBase {

  protected const KIND = 'Workflow';

  protected const MANIFEST = 'workflow_manifest';

}
