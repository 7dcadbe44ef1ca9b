# File servers for scripts/compare-peers transfers, set up for speed as their own documentation
# advises, and how their usual command-line client is told to move a file or a tree. Nothing is
# encrypted where that is possible, since Sluice's transfers here are not either. Read on:
# transfers.py.
import contextlib
import getpass
import os
import pathlib
import subprocess

from peers.servers import Server, sluice

SSHD_RUN = pathlib.Path('/run/sshd')
SSH_OPTIONS = ['-q', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
               '-o', 'IdentitiesOnly=yes', '-F', 'none']


class FileServer(Server):
    """One that a command-line client gets files from and puts files to; `where` is its tree."""

    def __init__(self, name, load, directory):
        super().__init__(name, load, type(self).configure, directory)

    def configure(self):
        """Prepares its directory; the command that starts it."""
        raise NotImplementedError

    @property
    def where(self):
        return self.directory / 'files'

    def remove(self, name):
        (self.where / name).unlink()


class Nginx(FileServer):
    def configure(self):
        self.where.mkdir()
        config = self.directory / 'nginx.conf'
        config.write_text(f'''user {getpass.getuser()};
worker_processes auto;
pid {self.directory}/pid;
error_log stderr;
daemon off;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=10000;
  client_max_body_size 0;
  client_body_temp_path {self.directory}/body;
  client_body_buffer_size 16k;
  proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/fastcgi;
  uwsgi_temp_path {self.directory}/uwsgi;
  scgi_temp_path {self.directory}/scgi;
  server {{
    listen {self.address} reuseport;
    root {self.where};
    location / {{ dav_methods PUT DELETE MKCOL; create_full_put_path on; }}
  }}
}}
''')
        return ['/usr/sbin/nginx', '-e', 'stderr', '-p', self.directory, '-c', config]

    def get(self, name, local):
        return ['curl', '-sS', '--fail', '-o', local, f'http://{self.address}/{name}']

    def put(self, local, name):
        return ['curl', '-sS', '--fail', '-o', '/dev/null', '-T', local,
                f'http://{self.address}/{name}']


class Vsftpd(FileServer):
    def configure(self):
        self.where.mkdir()
        (self.directory / 'empty').mkdir()
        config = self.directory / 'vsftpd.conf'
        settings = {'listen': 'YES', 'listen_address': '127.0.0.1', 'listen_port': self.port,
                    'background': 'NO', 'run_as_launching_user': 'YES', 'anonymous_enable': 'YES',
                    'no_anon_password': 'YES', 'anon_root': self.where, 'anon_umask': '022',
                    'anon_upload_enable': 'YES', 'anon_other_write_enable': 'YES',
                    'anon_world_readable_only': 'NO', 'allow_writeable_chroot': 'YES',
                    'write_enable': 'YES', 'ftp_username': getpass.getuser(),
                    'nopriv_user': getpass.getuser(), 'secure_chroot_dir': self.directory / 'empty',
                    'xferlog_enable': 'NO', 'use_sendfile': 'YES', 'seccomp_sandbox': 'NO',
                    'connect_from_port_20': 'NO', 'max_per_ip': 0}
        config.write_text(''.join(f'{key}={value}\n' for key, value in settings.items()))
        return ['/usr/sbin/vsftpd', config]

    def get(self, name, local):
        return ['curl', '-sS', '-o', local, f'ftp://{self.address}/{name}']

    def put(self, local, name):
        return ['curl', '-sS', '-T', local, f'ftp://{self.address}/{name}']


class Rsync(FileServer):
    def configure(self):
        self.where.mkdir()
        config = self.directory / 'rsyncd.conf'
        config.write_text(f'pid file = {self.directory}/pid\nuse chroot = no\n'
                          f'address = 127.0.0.1\nport = {self.port}\n'
                          f'uid = {os.getuid()}\ngid = {os.getgid()}\n'
                          f'[files]\npath = {self.where}\nread only = no\n')
        return ['/usr/bin/rsync', '--daemon', '--no-detach', f'--config={config}',
                '--log-file=/dev/null']

    def at(self, name):
        return f'rsync://{self.address}/files/{name}'

    def get(self, name, local):
        return ['rsync', '--whole-file', self.at(name), local]

    def put(self, local, name):
        return ['rsync', '--whole-file', local, self.at(name)]

    def get_tree(self, name, local):
        return ['rsync', '-a', '--whole-file', self.at(name) + '/', f'{local}/']

    def put_tree(self, local, name):
        return ['rsync', '-a', '--whole-file', f'{local}/', self.at(name) + '/']


class Samba(FileServer):
    def configure(self):
        self.where.mkdir()
        config = self.directory / 'smb.conf'
        own = ('private dir', 'lock directory', 'state directory', 'cache directory',
               'pid directory', 'ncalrpc dir')
        for each in own:
            (self.directory / each.replace(' ', '-')).mkdir()
        config.write_text(
            '[global]\nserver role = standalone server\nbind interfaces only = yes\n'
            f'interfaces = 127.0.0.1\nsmb ports = {self.port}\ndisable netbios = yes\n'
            'disable spoolss = yes\nload printers = no\nmap to guest = Bad User\n'
            f'guest account = {getpass.getuser()}\nserver min protocol = SMB3\n'
            'use sendfile = yes\nmin receivefile size = 16384\naio read size = 1\n'
            'aio write size = 1\nlog level = 0\nlogging = file\nlog file = /dev/null\n'
            + ''.join(f'{each} = {self.directory}/{each.replace(" ", "-")}\n' for each in own)
            + f'[files]\npath = {self.where}\nread only = no\nguest ok = yes\n'
            f'force user = {getpass.getuser()}\n')
        return ['/usr/sbin/smbd', '--foreground', '--no-process-group', '--debug-stdout', '-s',
                config]

    def client(self, command):
        return ['smbclient', '-s', self.directory / 'smb.conf', '-N', '-p', self.port,
                '//127.0.0.1/files', '-c', command]

    def get(self, name, local):
        return self.client(f'get {name} {local}')

    def put(self, local, name):
        return self.client(f'put {local} {name}')


class Sftp(FileServer):
    def configure(self):
        self.where.mkdir()
        # As root sshd insists on it; its service would make it.
        self.made_run = os.getuid() == 0 and not SSHD_RUN.exists()
        if self.made_run:
            SSHD_RUN.mkdir()
        for key in ('host', 'key'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
                            self.directory / key], check=True)
        config = self.directory / 'sshd_config'
        # The cheapest cipher, which processors do themselves.
        config.write_text(f'ListenAddress {self.address}\nHostKey {self.directory}/host\n'
                          f'AuthorizedKeysFile {self.directory}/key.pub\nStrictModes no\n'
                          f'PidFile none\nUsePAM no\nPermitRootLogin prohibit-password\n'
                          'MaxStartups 100\nCiphers aes128-gcm@openssh.com\n'
                          'Subsystem sftp internal-sftp\n')
        self.batches = 0
        return ['/usr/sbin/sshd', '-D', '-e', '-f', config]

    def stop(self):
        super().stop()
        if self.made_run:
            with contextlib.suppress(OSError):
                SSHD_RUN.rmdir()

    def client(self, command):
        self.batches += 1
        batch = self.directory / f'batch-{self.batches}'
        batch.write_text(command + '\n')
        return ['sftp', *SSH_OPTIONS, '-i', self.directory / 'key', '-P', self.port, '-b', batch,
                f'{getpass.getuser()}@127.0.0.1']

    def get(self, name, local):
        return self.client(f'get {self.where}/{name} {local}')

    def put(self, local, name):
        return self.client(f'put {local} {self.where}/{name}')

    def get_tree(self, name, local):
        return self.client(f'get -R {self.where}/{name} {local}')

    def put_tree(self, local, name):
        return self.client(f'put -R {local} {self.where}/{name}')


class Sluice(FileServer):
    def __init__(self, name, build, durability, directory):
        self.build, self.durability = build, durability
        super().__init__(name, build / 'bench' / 'peers' / 'files-sluice', directory)

    def configure(self):
        return sluice(self.build, '--durability', self.durability)(self)

    @property
    def where(self):
        return self.directory / 'root'

    def client(self, *words):
        return [self.build / 'client' / 'shell' / 'sluice', '--server', f'tcp://{self.address}',
                *words]

    def get(self, name, local):
        if local == '/dev/null':
            return self.client('cat', name)
        return self.client('get', '-q', name, local)

    def put(self, local, name):
        return self.client('put', '-q', local, name)

    def get_tree(self, name, local):
        return self.client('get', '-r', '-q', name, local)

    def put_tree(self, local, name):
        return self.client('put', '-r', '-q', local, name)

    def remove(self, name):
        subprocess.run([str(word) for word in self.client('rm', name)], check=True)
