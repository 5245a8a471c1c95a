<?php

declare(strict_types=1);

namespace Ossa\Tests\Extension\Support;

use PHPUnit\Framework\Attributes\After;
use Symfony\Component\Filesystem\Filesystem;

/** A folder for a store and manifests, gone after the test. */
trait TemporaryStore
{
    private ?string $folder = null;

    #[After]
    public function removeTheFolder(): void
    {
        if (null !== $this->folder) {
            (new Filesystem())->remove($this->folder);
            $this->folder = null;
        }
    }

    private function folder(): string
    {
        if (null === $this->folder) {
            $this->folder = sys_get_temp_dir().'/ossa-extension-'.bin2hex(random_bytes(6));
            mkdir($this->folder);
        }

        return $this->folder;
    }

    private function dsn(): string
    {
        return 'sqlite://'.$this->folder().'/store.db';
    }
}
