<?php

/**
 * @file
 * What other modules can do with OSSA for ECA.
 */

declare(strict_types=1);

/**
 * @defgroup ossa_eca OSSA for ECA
 * @{
 * Runs OSSA tasks and workflows on a Drupal site.
 *
 * Start, look at and steer runs with the service \Drupal\ossa_eca\Runs. It is
 * the only door; everything else is internal but for what is named here.
 *
 * Capabilities, which steps call, are methods of services:
 * @code
 * final readonly class Mailer {
 *
 *   #[OssaCapability('send_email')]
 *   public function send(array $input, StepContext $context): array {
 *     return ['message_id' => $this->mail($input['to'], $context->effectKey)];
 *   }
 *
 * }
 * @endcode
 * The attribute is found where "_defaults" of the services file of a module say
 * "autoconfigure: true"; elsewhere tag the service:
 * @code
 * my_module.mailer:
 *   class: Drupal\my_module\Mailer
 *   tags:
 *     - { name: ossa_eca.capability, capability: send_email, method: send }
 * @endcode
 * - The input is an array, the return value the output of the step: plain data,
 *   or what becomes plain data, such as dates and translated text.
 * - An exception makes the step fail, and the manifest says what comes next.
 *   \Drupal\ossa_eca\Execution\StepFailure gives it a code.
 * - A step runs at least once. Where an effect must not happen twice, send
 *   StepContext::$effectKey along. What a step of a task with
 *   "execution: {type: transactional}" writes to the database of the site is
 *   committed together with its result: exactly once.
 * - A step that takes longer than the lease of the settings calls
 *   StepContext::heartbeat() now and then.
 *
 * Action plugins are capabilities as well, when the settings list them:
 * @code
 * runtime:
 *   type: drupal
 *   bindings:
 *     publish:
 *       plugin: entity:publish_action:node
 *       config: {}
 * @endcode
 * The input names the entity that they act on as "entity: {type: node, id: 1}".
 * Actions of ECA see the input as tokens, [input:…]; the token that their
 * configuration names as "token_name" is the output.
 *
 * Events are those of \Drupal\ossa_eca\Event\OssaEvents. What happens to a run
 * is told at least once, by a queue worker or cron, after it has happened. To
 * have messages of channels told, name the channels in the settings, or tag a
 * service "ossa_eca.channel_source" that implements
 * \Drupal\ossa_eca\Outcome\ChannelSourceInterface.
 *
 * To ask for a task by name, and leave it to the models of the site what that
 * is, dispatch a \Drupal\ossa_eca\Event\TaskRequestedEvent:
 * @code
 * $event = new TaskRequestedEvent('phpcs-check', ['path' => 'src']);
 * $dispatcher->dispatch($event, OssaEvents::TASK_EXECUTE);
 * $runs = $event->runs();
 * @endcode
 *
 * Expressions of manifests see as "env" what settings.php lets them see:
 * @code
 * $settings['ossa_eca_env'] = ['SHOP_URL' => 'https://shop.example.com'];
 * @endcode
 *
 * Messages that rules (kind: MessageRouting) send to a receiver go to a queue
 * of Drupal when "deliveries" of the settings says so, each as an array with
 * id, channel, source, type, payload, correlation_id and effect_key.
 * @}
 */
