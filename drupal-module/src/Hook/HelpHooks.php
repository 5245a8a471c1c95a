<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Hook;

use Drupal\Core\Hook\Attribute\Hook;
use Drupal\Core\StringTranslation\StringTranslationTrait;
use Drupal\Core\StringTranslation\TranslatableMarkup;
use Drupal\Core\StringTranslation\TranslationInterface;
use Drupal\Core\Url;

/**
 * Help on the site, as README.md gives it outside.
 */
final class HelpHooks {

  use StringTranslationTrait;

  public function __construct(TranslationInterface $stringTranslation) {
    $this->setStringTranslation($stringTranslation);
  }

  /**
   * Implements hook_help().
   *
   * @param string $route_name
   *   The page that help is wanted for.
   *
   * @return array<string, mixed>
   *   A render array; empty for pages without help.
   */
  #[Hook('help')]
  public function help(string $route_name): array {
    return match ($route_name) {
      'help.page.ossa_eca' => $this->overview(),
      'ossa_eca.runs' => self::paragraph($this->t('Runs of tasks and workflows. Failed ones stay here until their retention is over, and can be retried.')),
      'ossa_eca.dead_letters' => self::paragraph($this->t('Messages that nobody could handle, with the reason. A replay delivers one again, without its marks of failure.')),
      default => [],
    };
  }

  /**
   * The page of the module.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private function overview(): array {
    $runs = Url::fromRoute('ossa_eca.runs')->toString();
    $settings = Url::fromRoute('ossa_eca.settings')->toString();
    $chapters = [
      [
        $this->t('About'),
        $this->t('OSSA for ECA starts durable tasks and workflows from ECA models and runs their steps with plugins and services of this site. A run is kept in the database: it goes on after a crash, its steps are retried as their manifest says, and it can be looked at.'),
      ],
      [
        $this->t('Manifests'),
        $this->t('A manifest is a YAML file that describes a task or a workflow. Put manifests into one of the folders of the <a href=":settings">settings</a>; what is wrong with them is shown there.', [':settings' => $settings]),
      ],
      [
        $this->t('Capabilities'),
        $this->t('What a step does is a method of a service that is marked with #[OssaCapability], or an action plugin that the manifest names and the settings allow. Nothing else is called, whatever a manifest says.'),
      ],
      [
        $this->t('Runs'),
        $this->t('The <a href=":runs">list of runs</a> shows what runs, waits or has failed. The page of a run has its steps, data and timeline, and buttons to retry, cancel and decide.', [':runs' => $runs]),
      ],
      [
        $this->t('Workers'),
        $this->t('Cron works off the queues of steps. On a busy site let "drush ossa:work" do it, and set the seconds in cron to 0.'),
      ],
    ];
    $page = [];
    foreach ($chapters as $number => [$title, $text]) {
      $page['title_' . $number] = ['#type' => 'html_tag', '#tag' => 'h3', '#value' => $title];
      $page['text_' . $number] = self::paragraph($text);
    }
    return $page;
  }

  /**
   * A paragraph.
   *
   * @param \Drupal\Core\StringTranslation\TranslatableMarkup $text
   *   Its text.
   *
   * @return array<string, mixed>
   *   A render array.
   */
  private static function paragraph(TranslatableMarkup $text): array {
    return ['#type' => 'html_tag', '#tag' => 'p', '#value' => $text];
  }

}
