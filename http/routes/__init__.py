"""The routes of the native API, a module a resource; `ALL` is every one of them."""
