<?php

declare(strict_types=1);

namespace Drupal\ossa_eca\Eca;

use Drupal\Core\Entity\EntityInterface;
use Drupal\Core\TypedData\PrimitiveInterface;
use Drupal\Core\TypedData\TypedDataInterface;
use Drupal\eca\Plugin\DataType\DataTransferObject;
use Drupal\eca\Token\TokenInterface;
use Symfony\Component\Yaml\Exception\ParseException;
use Symfony\Component\Yaml\Parser;
use Symfony\Component\Yaml\Tag\TaggedValue;
use Symfony\Component\Yaml\Yaml;

/**
 * Data that a site builder writes as YAML with tokens.
 *
 * Tokens are replaced after the YAML is parsed, so that no value can change its
 * structure. A value that is one token, such as "[result]", is the data of the
 * token; in longer text, tokens are text. "!int", "!float" and "!bool" before a
 * value make it a number or a boolean.
 */
final class InputYaml {

  private const CASTS = ['int', 'float', 'bool'];

  /**
   * Parses YAML and puts in the data of tokens.
   *
   * @param string $yaml
   *   The YAML.
   * @param \Drupal\eca\Token\TokenInterface $tokens
   *   Knows the tokens.
   *
   * @return array<array-key, mixed>|scalar|null
   *   The data.
   *
   * @throws \Drupal\ossa_eca\Eca\ActionFailure
   *   When it does not parse, or a value cannot be cast.
   */
  public static function parse(string $yaml, TokenInterface $tokens): mixed {
    try {
      return self::fill((new Parser())->parse($yaml, Yaml::PARSE_CUSTOM_TAGS), $tokens);
    }
    catch (ParseException $exception) {
      throw new ActionFailure('INVALID_YAML', $exception->getMessage(), previous: $exception);
    }
  }

  /**
   * Says what is wrong with YAML.
   *
   * @param string $yaml
   *   The YAML.
   * @param bool $map
   *   Whether it must be a map.
   *
   * @return string|null
   *   What is wrong, and in which line; NULL when nothing is.
   */
  public static function check(string $yaml, bool $map = TRUE): ?string {
    if (preg_match('/^(.*:\s+|\s*-\s+)(\[[^\s\[\]:,"\']+:[^\s\[\],"\']+\])\s*$/m', $yaml, $found, PREG_OFFSET_CAPTURE) === 1) {
      return sprintf('The token %s at line %d needs quotes, or it would be a list: "%1$s".', $found[2][0], substr_count($yaml, "\n", 0, $found[2][1]) + 1);
    }
    try {
      $data = (new Parser())->parse($yaml, Yaml::PARSE_CUSTOM_TAGS);
    }
    catch (ParseException $exception) {
      return $exception->getMessage();
    }
    $tag = self::unknownTag($data);
    if ($tag !== NULL) {
      return sprintf('"!%s" is unknown. Use !int, !float or !bool.', $tag);
    }
    // One token may stand for the whole map.
    $token = is_string($data) && preg_match('/^\[[^\s\[\]]+\]$/', $data) === 1;
    return $map && !$token && $data !== NULL && (!is_array($data) || ($data !== [] && array_is_list($data)))
      ? 'It must be a map: lines such as "name: value".'
      : NULL;
  }

  /**
   * Replaces tokens.
   *
   * @param mixed $value
   *   What was parsed.
   * @param \Drupal\eca\Token\TokenInterface $tokens
   *   Knows the tokens.
   *
   * @return array<array-key, mixed>|scalar|null
   *   Plain data.
   */
  private static function fill(mixed $value, TokenInterface $tokens): mixed {
    if ($value instanceof TaggedValue) {
      return self::cast($value->getTag(), self::fill($value->getValue(), $tokens));
    }
    if (is_array($value)) {
      $filled = [];
      foreach ($value as $key => $each) {
        $filled[is_string($key) ? self::text($key, $tokens) : $key] = self::fill($each, $tokens);
      }
      return $filled;
    }
    if (!is_string($value) || !str_contains($value, '[')) {
      return is_scalar($value) ? $value : NULL;
    }
    if (preg_match('/^\[([^\s\[\]]+)\]$/', $value, $token) === 1) {
      $data = self::data($token[1], $tokens);
      if ($data instanceof EntityInterface || self::isPlain($data)) {
        return Data::plain($data);
      }
    }
    return self::text($value, $tokens);
  }

  /**
   * Replaces tokens in text; those without data become empty.
   *
   * @param string $text
   *   The text.
   * @param \Drupal\eca\Token\TokenInterface $tokens
   *   Knows the tokens.
   */
  public static function text(string $text, TokenInterface $tokens): string {
    return (string) preg_replace_callback('/\[([^\[\]]+)\]/', static function (array $token) use ($tokens): string {
      $data = self::data($token[1], $tokens);
      // Plain data stays as it is; of what modules generate, markup becomes
      // text.
      return $data instanceof TypedDataInterface && self::isPlain($data)
        ? (string) $data->getString()
        : $tokens->replacePlain($token[0], [], ['clear' => TRUE]);
    }, $text);
  }

  /**
   * The data of a token.
   *
   * @param string $name
   *   The token, without brackets.
   * @param \Drupal\eca\Token\TokenInterface $tokens
   *   Knows the tokens.
   *
   * @return mixed
   *   NULL when there is none.
   */
  private static function data(string $name, TokenInterface $tokens): mixed {
    $path = explode(':', $name);
    $data = $tokens->getTokenData(array_shift($path));
    foreach ($path as $key) {
      if (!$data instanceof DataTransferObject) {
        return $tokens->getTokenData($name);
      }
      // Not by ECA, of which version 2 makes keys lower-case.
      $data = $data->getProperties()[$key] ?? NULL;
    }
    return $data;
  }

  /**
   * Whether data of a token is plain: neither an entity nor a field of one.
   *
   * @param mixed $data
   *   The data.
   */
  private static function isPlain(mixed $data): bool {
    return $data instanceof DataTransferObject || $data instanceof PrimitiveInterface;
  }

  /**
   * Makes a value what its tag says.
   *
   * @param string $tag
   *   The tag.
   * @param mixed $value
   *   The value.
   *
   * @return int|float|bool|null
   *   NULL when the value is empty.
   */
  private static function cast(string $tag, mixed $value): int|float|bool|null {
    $text = is_scalar($value) ? trim((string) $value) : '';
    if ($text === '' && $value !== FALSE) {
      return NULL;
    }
    $cast = match ($tag) {
      'int' => filter_var($text, FILTER_VALIDATE_INT, FILTER_NULL_ON_FAILURE),
      'float' => filter_var($text, FILTER_VALIDATE_FLOAT, FILTER_NULL_ON_FAILURE),
      'bool' => filter_var($text, FILTER_VALIDATE_BOOL, FILTER_NULL_ON_FAILURE),
      default => throw new ActionFailure('INVALID_YAML', sprintf('"!%s" is unknown. Use !int, !float or !bool.', $tag)),
    };
    return $cast ?? throw new ActionFailure('INVALID_YAML', sprintf('"%s" cannot be made what !%s says.', mb_substr($text, 0, 64), $tag));
  }

  /**
   * The first tag that is not known.
   *
   * @param mixed $value
   *   What was parsed.
   */
  private static function unknownTag(mixed $value): ?string {
    if ($value instanceof TaggedValue) {
      return in_array($value->getTag(), self::CASTS, TRUE) ? self::unknownTag($value->getValue()) : $value->getTag();
    }
    foreach (is_array($value) ? $value : [] as $each) {
      $tag = self::unknownTag($each);
      if ($tag !== NULL) {
        return $tag;
      }
    }
    return NULL;
  }

}
