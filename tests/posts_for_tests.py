"""A few short posts that several tests ask about."""

NGINX = """---
title: nginx 502 Bad Gateway 排查
date: 2021-03-04
tags: [nginx, php-fpm]
---
# 现象
访问站点报 502，日志里是：

```
connect() to unix:/run/php/php7.4-fpm.sock failed (13: Permission denied)
```

# 原因
套接字文件属于 www-data，而 nginx 以 nginx 用户运行。

# 解决
在 php-fpm 的池配置里写明属主：

```ini
listen.owner = nginx
listen.group = nginx
```
"""

PIP = """---
title: externally-managed-environment when installing with pip
date: 2023-09-01
tags: [python, pip]
---
Debian 12 refuses:

```
error: externally-managed-environment
```

## Fix
Use a virtual environment:

```bash
python3 -m venv .venv
.venv/bin/pip install requests
```
"""

DIARY = """---
title: 周末去爬山
date: 2020-05-01
---
今天天气很好，和朋友一起去爬山，拍了很多照片。
"""

FAQ = """# Git 常见问题

## 问题一：fatal: refusing to merge unrelated histories

两个仓库没有共同的祖先。

解决方法：

```bash
git pull origin main --allow-unrelated-histories
```

## 问题二：error: failed to push some refs

远端有本地没有的提交。

解决方法：

```bash
git pull --rebase
git push
```
"""

RUST = """---
title: "E0502: cannot borrow as mutable because it is also borrowed as immutable"
tags: [rust]
---
错误写法：

```rust
let first = &v[0];
v.push(4);
println!("{first}");
```

正确写法：

```rust
let first = v[0];
v.push(4);
println!("{first}");
```
"""

POSTS = {
    "web/nginx-502.md": NGINX,
    "python/pip.md": PIP,
    "diary/mountain.md": DIARY,
    "git/faq.md": FAQ,
    "rust/e0502.md": RUST,
}
