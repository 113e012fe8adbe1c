import { describe, expect, it } from 'vitest'
import { mavenProxyProperties } from '../../../src/stack/maven.ts'

describe('the proxy settings of Maven', () => {
  it('are none without a proxy', () => {
    expect(mavenProxyProperties({ NO_PROXY: 'localhost' })).toEqual([])
  })

  it('come from the variables, lower case first', () => {
    expect(mavenProxyProperties({ HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:3128' })).toEqual([
      '-Dhttps.proxyHost=lower',
      '-Dhttps.proxyPort=3128',
    ])
  })

  it('carry user and password, decoded', () => {
    expect(mavenProxyProperties({ https_proxy: 'http://ada:p%40ss@proxy:8080' })).toEqual([
      '-Dhttps.proxyHost=proxy',
      '-Dhttps.proxyPort=8080',
      '-Dhttps.proxyUser=ada',
      '-Dhttps.proxyPassword=p@ss',
    ])
  })

  it.each([
    ['proxy:3128', 'proxy', '3128'],
    ['http://proxy', 'proxy', '80'],
    ['https://proxy', 'proxy', '443'],
  ])('understand %s', (value, host, port) => {
    expect(mavenProxyProperties({ http_proxy: value })).toEqual([
      `-Dhttp.proxyHost=${host}`,
      `-Dhttp.proxyPort=${port}`,
    ])
  })

  it('name the hosts without a proxy as Java wants them', () => {
    const properties = mavenProxyProperties({
      https_proxy: 'http://p:1',
      no_proxy: 'localhost, 127.0.0.1,.corp.example,repo.example:443',
    })
    expect(properties.at(-1)).toBe(
      '-Dhttp.nonProxyHosts=localhost|127.0.0.1|*.corp.example|repo.example|*.repo.example',
    )
  })

  it('ignore what is no address', () => {
    expect(mavenProxyProperties({ https_proxy: 'http://' })).toEqual([])
  })
})
