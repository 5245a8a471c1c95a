<?php

declare(strict_types=1);

namespace Ossa\Tests\Transport;

final class OssaDoctrineSqliteTest extends OssaDoctrineTestCase
{
    protected function database(): string
    {
        return 'sqlite:///'.$this->folder().'/application.db';
    }
}
